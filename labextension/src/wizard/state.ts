import type { Inspection, Job, Plan, Target, Variable } from '../api';
import type { ApiError } from '../errors';

export const STEPS = [
  'name',
  'parameters',
  'destination',
  'review',
  'progress'
] as const;
export type Step = (typeof STEPS)[number];

/** What became of a notebook's unsaved changes. */
export type Saved = 'not-needed' | 'done' | 'failed';

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
  readonly folder: string; // empty while it follows the name
}

export interface IChoice {
  readonly chosen: boolean;
  readonly secret: boolean;
}

/** What the user changed of a parameter, as texts of fields. */
export interface IEdit {
  readonly type?: Variable['type'];
  readonly default?: string;
  readonly description?: string;
  readonly choices?: string; // separated by commas
}

/** What the user changed of the files, as paths of the server. */
export interface IFiles {
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
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
  readonly kernelId: string | undefined; // of the notebook's running kernel
  readonly inspection: Fetched<Inspection>;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly touched: boolean; // whether the user changed anything
  readonly restored: boolean; // whether that was at an earlier time
  readonly choices: Readonly<Record<string, IChoice>>;
  readonly edits: Readonly<Record<string, IEdit>>;
  readonly added: readonly string[]; // names of parameters that were not found
  readonly search: string;
  readonly files: IFiles;
  readonly destination: IDestination;
  readonly plan: Fetched<Plan>;
  readonly target: Fetched<Target>;
  readonly consent: IConsent;
  readonly token: string; // one per intention, so that two clicks make one job
  readonly starting: boolean;
  readonly startError: ApiError | null;
  readonly job: Job | null;
}

export const IDLE = { status: 'idle' } as const;
export const LOADING = { status: 'loading' } as const;
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
  remembered: Partial<IDestination> = {},
  kernelId?: string
): IWizard {
  return {
    step: 'name',
    notebook,
    kernel,
    kernelId,
    inspection: LOADING,
    name: '',
    title: '',
    description: '',
    touched: false,
    restored: false,
    choices: {},
    edits: {},
    added: [],
    search: '',
    files: { includes: [], excludes: [] },
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

/** Return the repository's path, which is the name unless another one was chosen. */
export function repositoryOf(wizard: IWizard): string {
  return wizard.destination.repository || wizard.name;
}

/** Return the folder of a layout, called after the name unless another one was chosen. */
export function folderOf(wizard: IWizard): string {
  return wizard.destination.folder.trim() || `${wizard.name}-image`;
}

/** Return the names that the user wants as parameters, in the notebook's order. */
export function chosenNames(wizard: IWizard): string[] {
  return variablesOf(wizard)
    .map(variable => variable.name)
    .filter(name => wizard.choices[name]?.chosen);
}

/** Return what was found in the notebook, then what the user added. */
export function variablesOf({
  inspection,
  added
}: IWizard): readonly Variable[] {
  if (inspection.status !== 'ready') {
    return [];
  }
  const found = inspection.value.variables;
  const names = new Set(found.map(variable => variable.name));
  return [...found, ...added.filter(name => !names.has(name)).map(unknown)];
}

/** A variable of which nothing but the name is known. */
function unknown(name: string): Variable {
  return {
    name,
    type: 'json',
    default: null,
    description: '',
    secret: false,
    tagged: false,
    required: false,
    contested: false,
    chosen: true,
    choices: [],
    cells: [],
    notes: [],
    current: null
  };
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

type Problem = Inspection['problems'][number];

/** Return what speaks against unattended runs, but for what the plan warns of. */
export function untoldProblems({ inspection, plan }: IWizard): Problem[] {
  const about = ({ rule, subject }: Pick<Problem, 'rule' | 'subject'>) =>
    JSON.stringify([rule, subject]);
  const warnings = plan.status === 'ready' ? plan.value.warnings : [];
  const told = new Set(warnings.map(about));
  return inspection.status === 'ready'
    ? inspection.value.problems.filter(problem => !told.has(about(problem)))
    : [];
}
