import type { Inspection, Plan, Target, Variable } from '../api';
import { next } from '../wizard/reducer';
import type { WizardEvent } from '../wizard/reducer';
import { open } from '../wizard/state';
import type { IWizard } from '../wizard/state';

/** A variable of a notebook, chosen as a parameter. */
export function variable(
  name: string,
  changed: Partial<Variable> = {}
): Variable {
  return {
    name,
    type: 'int',
    default: 1,
    description: '',
    secret: false,
    tagged: false,
    required: false,
    contested: false,
    chosen: true,
    choices: [],
    cells: [0],
    notes: [],
    current: null,
    ...changed
  };
}

export const INSPECTION: Inspection = {
  path: 'a.ipynb',
  title: 'Sales',
  name: 'sales',
  description: 'What was sold',
  language: 'python',
  kernel: {
    name: 'python3',
    display_name: 'Python 3',
    containerized: false,
    problem: null
  },
  cells: 1,
  variables: [
    variable('weeks', { description: 'length of the period' }),
    variable('api_key', { type: 'str', default: null, secret: true }),
    variable('derived', { chosen: false })
  ],
  unread_cells: [],
  findings: [],
  problems: [],
  live: null
};

export const PLAN = {
  findings: [],
  layers: [],
  warnings: []
} as unknown as Plan;
export const NEW: Target = {
  kind: 'registry',
  reference: 'r/sales:latest',
  repository_exists: true,
  tag_digest: null
};

/** The wizard after some events. */
export function play(wizard: IWizard, ...events: WizardEvent[]): IWizard {
  return events.reduce(next, wizard);
}

export const read = () =>
  next(open('a.ipynb', 'python3', 't'), {
    type: 'inspected',
    inspection: INSPECTION
  });

export const atReview = () =>
  play(
    read(),
    { type: 'go', step: 'parameters' },
    { type: 'go', step: 'destination' },
    { type: 'go', step: 'review' }
  );
