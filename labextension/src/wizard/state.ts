import type {
  ImageRequest,
  Inspection,
  Job,
  JobRequest,
  Plan,
  Target,
  Variable
} from '../api';
import type { ApiError } from '../errors';

export const STEPS = [
  'name',
  'parameters',
  'destination',
  'review',
  'progress'
] as const;
export type Step = (typeof STEPS)[number];

/** Something that is fetched: what was asked for is kept when it fails. */
export type Fetched<T> =
  | { readonly status: 'idle' | 'loading' }
  | { readonly status: 'ready'; readonly value: T }
  | { readonly status: 'failed'; readonly error: ApiError };

/** Where an image goes; fields of the other kinds are kept while one is chosen. */
export interface IDestination {
  readonly kind: 'engine' | 'registry' | 'layout';
  readonly host: string;
  readonly repository: string; // empty while it follows the name
  readonly tag: string;
  readonly folder: string;
}

export interface IChoice {
  readonly chosen: boolean;
  readonly secret: boolean;
}

export interface IConsent {
  readonly secrets: boolean;
  readonly repository: boolean;
  readonly overwrite: boolean;
}

export interface IWizard {
  readonly step: Step;
  readonly notebook: string;
  readonly kernel: string | undefined;
  readonly inspection: Fetched<Inspection>;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly touched: boolean; // whether the user changed anything
  readonly choices: Readonly<Record<string, IChoice>>;
  readonly search: string;
  readonly destination: IDestination;
  readonly plan: Fetched<Plan>;
  readonly target: Fetched<Target>;
  readonly consent: IConsent;
  readonly token: string; // one per intention, so that two clicks make one job
  readonly starting: boolean;
  readonly startError: ApiError | null;
  readonly job: Job | null;
}

export type WizardEvent =
  | { type: 'inspected'; inspection: Inspection }
  | { type: 'inspect-failed'; error: ApiError }
  | { type: 'inspect-again' }
  | { type: 'edit'; field: 'name' | 'title' | 'description'; text: string }
  | { type: 'search'; text: string }
  | { type: 'choose'; names: readonly string[]; chosen: boolean }
  | { type: 'secret'; name: string; secret: boolean }
  | { type: 'destination'; change: Partial<IDestination> }
  | { type: 'consent'; change: Partial<IConsent> }
  | { type: 'go'; step: Step }
  | { type: 'plan-again' }
  | { type: 'planned'; plan: Plan }
  | { type: 'plan-failed'; error: ApiError }
  | { type: 'target'; target: Fetched<Target> }
  | { type: 'start' }
  | { type: 'started'; job: Job }
  | { type: 'start-failed'; error: ApiError; token: string }
  | { type: 'change-and-retry'; token: string };

const IDLE = { status: 'idle' } as const;
const LOADING = { status: 'loading' } as const;
const NO_CONSENT: IConsent = {
  secrets: false,
  repository: false,
  overwrite: false
};

/** Return the wizard of a notebook before anything is known about it. */
export function open(
  notebook: string,
  kernel: string | undefined,
  token: string,
  remembered: Partial<IDestination> = {}
): IWizard {
  return {
    step: 'name',
    notebook,
    kernel,
    inspection: LOADING,
    name: '',
    title: '',
    description: '',
    touched: false,
    choices: {},
    search: '',
    destination: {
      kind: 'engine',
      host: '',
      repository: '',
      tag: 'latest',
      folder: '',
      ...remembered
    },
    plan: IDLE,
    target: IDLE,
    consent: NO_CONSENT,
    token,
    starting: false,
    startError: null,
    job: null
  };
}

/** Return the wizard after an event. */
export function next(wizard: IWizard, event: WizardEvent): IWizard {
  switch (event.type) {
    case 'inspected':
      return inspected(wizard, event.inspection);
    case 'inspect-failed':
      return {
        ...wizard,
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
    case 'destination':
      return stale({
        ...wizard,
        touched: true,
        destination: { ...wizard.destination, ...event.change },
        consent: { ...wizard.consent, repository: false, overwrite: false }
      });
    case 'consent':
      return { ...wizard, consent: { ...wizard.consent, ...event.change } };
    case 'go':
      return go(wizard, event.step);
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
      return go({ ...wizard, job: null, token: event.token }, 'review');
  }
}

// A plan belongs to the answers it was made from.
function stale(wizard: IWizard): IWizard {
  return { ...wizard, plan: IDLE, target: IDLE, startError: null };
}

function inspected(wizard: IWizard, found: Inspection): IWizard {
  const choices: Record<string, IChoice> = {};
  for (const variable of found.variables) {
    choices[variable.name] = wizard.choices[variable.name] ?? {
      chosen: variable.chosen,
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

export type ProblemCode =
  | 'inspecting'
  | 'not-inspected'
  | 'name-missing'
  | 'name-invalid'
  | 'name-long'
  | 'title-missing'
  | 'host-missing'
  | 'repository-invalid'
  | 'tag-invalid'
  | 'folder-missing'
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
        ? null
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

function destinationProblem(wizard: IWizard): ProblemCode | null {
  const { kind, host, tag, folder } = wizard.destination;
  if (kind === 'layout') {
    return folder ? null : 'folder-missing';
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
  if (plan.status === 'loading' || target.status === 'loading') {
    return 'planning';
  }
  if (plan.status !== 'ready') {
    return 'not-planned';
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

/** Return the repository's path, which is the name unless another one was chosen. */
export function repositoryOf(wizard: IWizard): string {
  return wizard.destination.repository || wizard.name;
}

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

/** Return the names that the user wants as parameters, in the notebook's order. */
export function chosenNames(wizard: IWizard): string[] {
  return variablesOf(wizard)
    .map(variable => variable.name)
    .filter(name => wizard.choices[name]?.chosen);
}

export function variablesOf({ inspection }: IWizard): readonly Variable[] {
  return inspection.status === 'ready' ? inspection.value.variables : [];
}

/** Return the variables that the search leaves. */
export function shownVariables(wizard: IWizard): readonly Variable[] {
  const words = wizard.search.toLowerCase().split(/\s+/).filter(Boolean);
  return variablesOf(wizard).filter(variable => {
    const text =
      `${variable.name} ${variable.type} ${variable.description}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
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
