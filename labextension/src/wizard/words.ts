import type { TranslationBundle } from '@jupyterlab/translation';

import type { ProblemCode } from './problems';
import type { Step } from './state';

/** Return a step's name. */
export function stepWord(step: Step, trans: TranslationBundle): string {
  switch (step) {
    case 'name':
      return trans.__('Name');
    case 'parameters':
      return trans.__('Parameters');
    case 'destination':
      return trans.__('Destination');
    case 'review':
      return trans.__('Review');
    case 'progress':
      return trans.__('Progress');
  }
}

/** Return why the wizard can't go on, in words. */
export function problemWord(
  code: ProblemCode,
  trans: TranslationBundle
): string {
  switch (code) {
    case 'inspecting':
      return trans.__('The notebook is being read.');
    case 'not-inspected':
      return trans.__('The notebook could not be read.');
    case 'edit-invalid':
      return trans.__('A default does not fit its type.');
    case 'name-missing':
      return trans.__('A name is needed.');
    case 'name-invalid':
      return trans.__(
        'Use lowercase letters and digits, and single dots, underscores or hyphens between them.'
      );
    case 'name-long':
      return trans.__('A name has at most 128 characters.');
    case 'title-missing':
      return trans.__('A title is needed.');
    case 'host-missing':
      return trans.__('Choose a registry.');
    case 'repository-invalid':
      return trans.__(
        'A repository is lowercase letters, digits and . _ - with / between its parts.'
      );
    case 'tag-invalid':
      return trans.__('A tag is up to 128 letters, digits and . _ -');
    case 'planning':
      return trans.__('The plan is being made.');
    case 'not-planned':
      return trans.__('There is no plan yet.');
    case 'secrets':
      return trans.__('Confirm that none of these is a secret, or go back.');
    case 'repository-consent':
      return trans.__('Confirm that the repository may be created.');
    case 'overwrite-consent':
      return trans.__('Confirm that the tag may be moved.');
  }
}
