import { editProblems } from './edits';
import { repositoryOf, variablesOf } from './state';
import type { IWizard } from './state';

export type ProblemCode =
  | 'inspecting'
  | 'not-inspected'
  | 'edit-invalid'
  | 'name-missing'
  | 'name-invalid'
  | 'name-long'
  | 'title-missing'
  | 'host-missing'
  | 'repository-invalid'
  | 'tag-invalid'
  | 'planning'
  | 'not-planned'
  | 'secrets'
  | 'repository-consent'
  | 'overwrite-consent';

// As in the OCI distribution specification, a repository's name.
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}$`);
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;

/** Return why a name can't be that of an image, or null. */
export function nameProblem(name: string): ProblemCode | null {
  if (!name) {
    return 'name-missing';
  }
  if (name.length > 128) {
    return 'name-long';
  }
  return NAME.test(name) ? null : 'name-invalid';
}

/** Return why the wizard can't go on from its step, or null. */
export function problemOf(wizard: IWizard): ProblemCode | null {
  switch (wizard.step) {
    case 'name':
      return (
        nameProblem(wizard.name) ?? (wizard.title ? null : 'title-missing')
      );
    case 'parameters':
      return wizard.inspection.status === 'ready'
        ? hasBadEdit(wizard)
          ? 'edit-invalid'
          : null
        : wizard.inspection.status === 'failed'
          ? 'not-inspected'
          : 'inspecting';
    case 'destination':
      return destinationProblem(wizard);
    case 'review':
      return reviewProblem(wizard);
    case 'progress':
      return null;
  }
}

function hasBadEdit(wizard: IWizard): boolean {
  return variablesOf(wizard).some(variable => {
    const { name } = variable;
    const { chosen, secret } = wizard.choices[name];
    const problems = editProblems(variable, wizard.edits[name], secret);
    return chosen && Object.keys(problems).length > 0;
  });
}

function destinationProblem(wizard: IWizard): ProblemCode | null {
  const { kind, host, tag } = wizard.destination;
  if (kind === 'layout') {
    return null;
  }
  if (kind === 'registry' && !host) {
    return 'host-missing';
  }
  if (!REPOSITORY.test(repositoryOf(wizard))) {
    return 'repository-invalid';
  }
  return TAG.test(tag) ? null : 'tag-invalid';
}

function reviewProblem(wizard: IWizard): ProblemCode | null {
  const { plan, target, consent } = wizard;
  if (plan.status === 'failed') {
    return 'not-planned';
  }
  if (plan.status !== 'ready' || target.status === 'loading') {
    return 'planning';
  }
  if (plan.value.findings.length && !consent.secrets) {
    return 'secrets';
  }
  if (needsRepository(wizard) && !consent.repository) {
    return 'repository-consent';
  }
  return movesTag(wizard) && !consent.overwrite ? 'overwrite-consent' : null;
}

/** Whether the push would create a repository. */
export function needsRepository({ target }: IWizard): boolean {
  return target.status === 'ready' && target.value.repository_exists === false;
}

/** Whether the push would move a tag to another image. */
export function movesTag({ target }: IWizard): boolean {
  return target.status === 'ready' && target.value.tag_digest !== null;
}
