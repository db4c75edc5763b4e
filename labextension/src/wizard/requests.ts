import type { Declaration, ImageRequest, JobRequest } from '../api';
import { declarationOf } from './edits';
import { chosenNames, folderOf, repositoryOf, variablesOf } from './state';
import type { IWizard } from './state';

/** Return the destination in the words of the command line. */
export function destinationText(wizard: IWizard): string {
  const { kind, host, tag } = wizard.destination;
  switch (kind) {
    case 'engine':
      return `docker:${repositoryOf(wizard)}:${tag}`;
    case 'registry':
      return `${host}/${repositoryOf(wizard)}:${tag}`;
    case 'layout':
      return `oci:${folderOf(wizard)}`;
  }
}

/** Return what the user says of parameters over what was found. */
function declarations(wizard: IWizard): Record<string, Declaration> {
  const declared: Record<string, Declaration> = {};
  for (const variable of variablesOf(wizard)) {
    const { name } = variable;
    const { chosen, secret } = wizard.choices[name];
    const declaration = declarationOf(variable, wizard.edits[name], secret);
    if (chosen && declaration) {
      declared[name] = declaration;
    }
  }
  return declared;
}

/** Return the defaults of what can be given, but for those that only the notebook knows. */
export function defaultsOf(wizard: IWizard): Record<string, unknown> {
  const declared = declarations(wizard);
  const defaults: Record<string, unknown> = {};
  for (const { name, secret, default: found } of variablesOf(wizard)) {
    const choice = wizard.choices[name];
    const value = declared[name]?.default ?? found;
    if (choice.chosen && !choice.secret && !(secret && value === null)) {
      defaults[name] = value;
    }
  }
  return defaults;
}

/** Return what to ask the server to plan. */
export function imageRequest(wizard: IWizard): ImageRequest {
  const declared = declarations(wizard);
  const { files, inspection, kernelId } = wizard;
  // What changed is captured of containers; a local kernel's environment is read as it is.
  const inContainer =
    inspection.status === 'ready' && inspection.value.kernel.containerized;
  return {
    notebook: wizard.notebook,
    ...(wizard.kernel ? { kernel: wizard.kernel } : {}),
    to: destinationText(wizard),
    title: wizard.title,
    description: wizard.description,
    parameters: chosenNames(wizard),
    secrets: chosenNames(wizard).filter(name => wizard.choices[name].secret),
    ...(Object.keys(declared).length ? { declarations: declared } : {}),
    ...(files.includes.length ? { includes: [...files.includes] } : {}),
    ...(files.excludes.length ? { excludes: [...files.excludes] } : {}),
    ...(kernelId && inContainer ? { kernel_id: kernelId } : {})
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
