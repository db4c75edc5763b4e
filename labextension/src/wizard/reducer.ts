import type { Inspection, Job, Plan, Target } from '../api';
import type { ApiError } from '../errors';
import { problemOf } from './problems';
import { IDLE, LOADING, STEPS } from './state';
import type {
  Fetched,
  IChoice,
  IConsent,
  IDestination,
  IEdit,
  IFiles,
  IWizard,
  Step
} from './state';

export type WizardEvent =
  | { type: 'inspected'; inspection: Inspection }
  | { type: 'inspect-failed'; error: ApiError }
  | { type: 'inspect-again' }
  | { type: 'edit'; field: 'name' | 'title' | 'description'; text: string }
  | { type: 'search'; text: string }
  | { type: 'choose'; names: readonly string[]; chosen: boolean }
  | { type: 'secret'; name: string; secret: boolean }
  | { type: 'edit-parameter'; name: string; change: IEdit }
  | { type: 'undo-parameter'; name: string }
  | { type: 'add-parameter'; name: string }
  | { type: 'start-over'; fresh: IWizard }
  | { type: 'destination'; change: Partial<IDestination> }
  | { type: 'files'; change: Partial<IFiles> }
  | { type: 'consent'; change: Partial<IConsent> }
  | { type: 'go'; step: Step }
  | { type: 'go-on' }
  | { type: 'plan-again' }
  | { type: 'planned'; plan: Plan }
  | { type: 'plan-failed'; error: ApiError }
  | { type: 'target'; target: Fetched<Target> }
  | { type: 'start' }
  | { type: 'started'; job: Job }
  | { type: 'start-failed'; error: ApiError; token: string }
  | { type: 'change-and-retry'; token: string };

/** What each step gets. */
export interface IStepProps {
  readonly wizard: IWizard;
  readonly send: (event: WizardEvent) => void;
}

/** Return the wizard after an event. */
export function next(wizard: IWizard, event: WizardEvent): IWizard {
  switch (event.type) {
    case 'inspected':
      return inspected(wizard, event.inspection);
    case 'inspect-failed':
      return {
        ...wizard,
        // The review has no place for this error.
        step: wizard.step === 'review' ? 'name' : wizard.step,
        inspection: { status: 'failed', error: event.error }
      };
    case 'inspect-again':
      return { ...wizard, inspection: LOADING };
    case 'edit':
      return stale({ ...wizard, [event.field]: event.text, touched: true });
    case 'search':
      return { ...wizard, search: event.text };
    case 'choose':
      return choose(wizard, event.names, event.chosen);
    case 'secret':
      return stale({
        ...wizard,
        touched: true,
        choices: {
          ...wizard.choices,
          [event.name]: {
            // A secret that is not given with each run would be an empty value.
            chosen: event.secret || wizard.choices[event.name].chosen,
            secret: event.secret
          }
        }
      });
    case 'edit-parameter':
      return stale({
        ...wizard,
        touched: true,
        edits: {
          ...wizard.edits,
          [event.name]: { ...wizard.edits[event.name], ...event.change }
        },
        choices: {
          ...wizard.choices,
          [event.name]: { ...wizard.choices[event.name], chosen: true }
        }
      });
    case 'undo-parameter': {
      const edits = { ...wizard.edits };
      delete edits[event.name];
      return stale({ ...wizard, touched: true, edits });
    }
    case 'add-parameter':
      return stale({
        ...wizard,
        touched: true,
        search: '',
        added: [...wizard.added, event.name],
        choices: {
          ...wizard.choices,
          [event.name]: { chosen: true, secret: false }
        }
      });
    case 'start-over':
      return event.fresh;
    case 'destination':
      return stale({
        ...wizard,
        touched: true,
        destination: { ...wizard.destination, ...event.change },
        consent: { ...wizard.consent, repository: false, overwrite: false }
      });
    case 'files':
      return {
        ...wizard,
        touched: true,
        files: { ...wizard.files, ...event.change },
        consent: { ...wizard.consent, secrets: false }, // others may be found
        plan: LOADING,
        startError: null
      };
    case 'consent':
      return { ...wizard, consent: { ...wizard.consent, ...event.change } };
    case 'go':
      return go(wizard, event.step);
    case 'go-on':
      return wizard.step === 'progress'
        ? wizard
        : go(wizard, STEPS[STEPS.indexOf(wizard.step) + 1]);
    case 'plan-again':
      return { ...wizard, plan: LOADING, target: LOADING };
    case 'planned':
      return { ...wizard, plan: { status: 'ready', value: event.plan } };
    case 'plan-failed':
      return { ...wizard, plan: { status: 'failed', error: event.error } };
    case 'target':
      return { ...wizard, target: event.target };
    case 'start':
      return { ...wizard, starting: true, startError: null };
    case 'started':
      return {
        ...wizard,
        starting: false,
        step: 'progress',
        job: event.job,
        touched: false
      };
    case 'start-failed':
      return {
        ...wizard,
        starting: false,
        startError: event.error,
        token: event.token
      };
    case 'change-and-retry':
      // What stands at the destination may be why the job failed.
      return go(stale({ ...wizard, job: null, token: event.token }), 'review');
  }
}

// A plan belongs to the answers it was made from.
function stale(wizard: IWizard): IWizard {
  return { ...wizard, plan: IDLE, target: IDLE, startError: null };
}

function inspected(wizard: IWizard, found: Inspection): IWizard {
  const choices: Record<string, IChoice> = Object.fromEntries(
    wizard.added.map(name => [name, wizard.choices[name]])
  );
  for (const variable of found.variables) {
    choices[variable.name] = wizard.choices[variable.name] ?? {
      // A secret that is not given with each run would stand in the image.
      chosen: variable.chosen || (variable.secret && !variable.contested),
      secret: variable.secret
    };
  }
  return {
    ...wizard,
    inspection: { status: 'ready', value: found },
    name: wizard.name || found.name,
    title: wizard.title || found.title,
    description: wizard.description || found.description,
    choices
  };
}

function choose(
  wizard: IWizard,
  names: readonly string[],
  chosen: boolean
): IWizard {
  const choices = { ...wizard.choices };
  for (const name of names) {
    choices[name] = {
      chosen,
      secret: chosen && (choices[name]?.secret ?? false)
    };
  }
  return stale({ ...wizard, choices, touched: true });
}

function go(wizard: IWizard, step: Step): IWizard {
  const forward = STEPS.indexOf(step) > STEPS.indexOf(wizard.step);
  if (step === 'progress' || (forward && problemOf(wizard) !== null)) {
    return wizard;
  }
  const fresh = step === 'review' && wizard.plan.status !== 'ready';
  return {
    ...wizard,
    step,
    plan: fresh ? LOADING : wizard.plan,
    target: fresh ? LOADING : wizard.target,
    startError: null
  };
}
