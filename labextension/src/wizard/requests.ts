import type { ImageRequest, JobRequest } from '../api';
import { chosenNames, repositoryOf } from './state';
import type { IWizard } from './state';

/** Return the destination in the words of the command line. */
export function destinationText(wizard: IWizard): string {
  const { kind, host, tag, folder } = wizard.destination;
  switch (kind) {
    case 'engine':
      return `docker:${repositoryOf(wizard)}:${tag}`;
    case 'registry':
      return `${host}/${repositoryOf(wizard)}:${tag}`;
    case 'layout':
      return `oci:${folder}`;
  }
}

/** Return what to ask the server to plan. */
export function imageRequest(wizard: IWizard): ImageRequest {
  return {
    notebook: wizard.notebook,
    ...(wizard.kernel ? { kernel: wizard.kernel } : {}),
    to: destinationText(wizard),
    title: wizard.title,
    description: wizard.description,
    parameters: chosenNames(wizard),
    secrets: chosenNames(wizard).filter(name => wizard.choices[name].secret)
  };
}

/** Return what to ask the server to do. */
export function jobRequest(wizard: IWizard): JobRequest {
  return {
    kind: 'containerize',
    plan: imageRequest(wizard),
    token: wizard.token,
    allow_secrets: wizard.consent.secrets,
    create_repository: wizard.consent.repository,
    overwrite: wizard.consent.overwrite
  };
}
