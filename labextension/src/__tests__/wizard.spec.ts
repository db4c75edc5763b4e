import type { Inspection, Job, Plan, Target, Variable } from '../api';
import { ApiError } from '../errors';
import { keepDraft, restoreDraft } from '../wizard/draft';
import { nameProblem, problemOf } from '../wizard/problems';
import { next } from '../wizard/reducer';
import type { WizardEvent } from '../wizard/reducer';
import { destinationText, imageRequest, jobRequest } from '../wizard/requests';
import { chosenNames, open, shownVariables } from '../wizard/state';
import type { IEdit, IWizard } from '../wizard/state';

function variable(name: string, changed: Partial<Variable> = {}): Variable {
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

const INSPECTION: Inspection = {
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

const PLAN = { findings: [], layers: [] } as unknown as Plan;
const NEW: Target = {
  kind: 'registry',
  reference: 'r/sales:latest',
  repository_exists: true,
  tag_digest: null
};

function play(wizard: IWizard, ...events: WizardEvent[]): IWizard {
  return events.reduce(next, wizard);
}

const read = () =>
  next(open('a.ipynb', 'python3', 't'), {
    type: 'inspected',
    inspection: INSPECTION
  });

const atReview = () =>
  play(
    read(),
    { type: 'go', step: 'parameters' },
    { type: 'go', step: 'destination' },
    { type: 'go', step: 'review' }
  );

describe('name', () => {
  it.each(['sales', 'a.b-c_d', 'a__b', 'x'.repeat(128), 'a--b'])(
    'takes %s',
    name => expect(nameProblem(name)).toBeNull()
  );
  it.each(['Sales', 'a b', '-a', 'a-', 'a..b', 'é', 'a/b', 'a___b'])(
    'refuses %s',
    name => expect(nameProblem(name)).toBe('name-invalid')
  );
  it('is proposed by the notebook, unless the user typed one first', () => {
    expect(read().name).toBe('sales');
    const typed = play(
      open('a.ipynb', undefined, 't'),
      { type: 'edit', field: 'name', text: 'mine' },
      { type: 'inspected', inspection: INSPECTION }
    );
    expect(typed.name).toBe('mine');
  });
  it('stops the next step while it is invalid', () => {
    const wizard = play(
      read(),
      { type: 'edit', field: 'name', text: 'No!' },
      { type: 'go', step: 'parameters' }
    );
    expect(wizard.step).toBe('name');
    expect(problemOf(wizard)).toBe('name-invalid');
  });
});

describe('parameters', () => {
  it('follow the order of the notebook', () => {
    const wizard = play(
      read(),
      { type: 'choose', names: ['derived'], chosen: true },
      { type: 'choose', names: ['weeks'], chosen: false },
      { type: 'choose', names: ['weeks'], chosen: true }
    );
    expect(chosenNames(wizard)).toEqual(['weeks', 'api_key', 'derived']);
  });
  it('are chosen when they become secret, and no secret when they are not chosen', () => {
    const secret = next(read(), {
      type: 'secret',
      name: 'derived',
      secret: true
    });
    expect(imageRequest(secret).secrets).toEqual(['api_key', 'derived']);
    const none = next(secret, {
      type: 'choose',
      names: ['derived'],
      chosen: false
    });
    expect(none.choices.derived).toEqual({ chosen: false, secret: false });
  });
  it('keep the choices when the notebook is read again', () => {
    const wizard = play(
      read(),
      { type: 'choose', names: ['weeks'], chosen: false },
      { type: 'inspect-again' },
      { type: 'inspected', inspection: INSPECTION }
    );
    expect(chosenNames(wizard)).toEqual(['api_key']);
  });
  it('are found by all words of a search', () => {
    const found = shownVariables(
      next(read(), { type: 'search', text: 'PERIOD int' })
    );
    expect(found.map(item => item.name)).toEqual(['weeks']);
  });
});

describe('destination', () => {
  it('follows the name until a repository is chosen', () => {
    const wizard = next(read(), {
      type: 'destination',
      change: { kind: 'registry', host: 'r.example:5000' }
    });
    expect(destinationText(wizard)).toBe('r.example:5000/sales:latest');
    const chosen = next(wizard, {
      type: 'destination',
      change: { repository: 'team/report', tag: 'v1' }
    });
    expect(destinationText(chosen)).toBe('r.example:5000/team/report:v1');
  });
  it('is the one that was remembered', () => {
    const wizard = open('a.ipynb', undefined, 't', {
      kind: 'layout',
      folder: 'out'
    });
    expect(destinationText(wizard)).toBe('oci:out');
  });
});

describe('review', () => {
  it('plans once, and again after an answer was changed', () => {
    const planned = play(
      atReview(),
      { type: 'planned', plan: PLAN },
      { type: 'target', target: { status: 'ready', value: NEW } }
    );
    const seen = play(
      planned,
      { type: 'go', step: 'name' },
      { type: 'go', step: 'review' }
    );
    expect(seen.plan.status).toBe('ready');
    const changed = play(
      seen,
      { type: 'edit', field: 'title', text: 'Other' },
      { type: 'go', step: 'review' }
    );
    expect(changed.plan.status).toBe('loading');
  });
  it.each<[string, Partial<Plan>, Partial<Target>, string]>([
    [
      'secrets',
      { findings: [{ where: 'cell 1', rule: 'key', excerpt: 'A…' }] },
      {},
      'secrets'
    ],
    ['repository', {}, { repository_exists: false }, 'repository-consent'],
    ['overwrite', {}, { tag_digest: 'sha256:1' }, 'overwrite-consent']
  ])('asks for consent: %s', (name, plan, target, problem) => {
    const wizard = play(
      atReview(),
      { type: 'planned', plan: { ...PLAN, ...plan } },
      {
        type: 'target',
        target: { status: 'ready', value: { ...NEW, ...target } }
      }
    );
    expect(problemOf(wizard)).toBe(problem);
    const agreed = next(wizard, {
      type: 'consent',
      change: { [name]: true }
    });
    expect(problemOf(agreed)).toBeNull();
  });
  it('forgets the consent to move a tag with the destination', () => {
    const wizard = play(
      atReview(),
      { type: 'consent', change: { overwrite: true, secrets: true } },
      { type: 'destination', change: { tag: 'v2' } }
    );
    expect(wizard.consent).toEqual({
      secrets: true,
      repository: false,
      overwrite: false
    });
  });
  it('keeps all input when the job can not be started, and asks anew', () => {
    const error = new ApiError(503, 'No engine');
    const failed = next(next(atReview(), { type: 'start' }), {
      type: 'start-failed',
      error,
      token: 'u'
    });
    expect(failed).toMatchObject({ step: 'review', name: 'sales', token: 'u' });
    expect(failed.startError).toBe(error);
  });
});

it('goes back from a failed job with everything that was typed', () => {
  const job = { id: '1' } as Job;
  const wizard = play(
    atReview(),
    { type: 'started', job },
    { type: 'change-and-retry', token: 'v' }
  );
  expect(wizard).toMatchObject({ step: 'review', job: null, token: 'v' });
  expect(jobRequest(wizard)).toMatchObject({
    kind: 'containerize',
    token: 'v',
    plan: { to: 'docker:sales:latest', parameters: ['weeks', 'api_key'] }
  });
});

describe('changes of a parameter', () => {
  const ready = play(open('a.ipynb', undefined, 'token'), {
    type: 'inspected',
    inspection: INSPECTION
  });
  const change = (edit: IEdit, name = 'weeks') =>
    play(ready, { type: 'edit-parameter', name, change: edit });

  it('are told the server, and nothing that was not changed', () => {
    expect(imageRequest(ready).declarations).toBeUndefined();
    expect(
      imageRequest(change({ type: 'float', default: '1.5' })).declarations
    ).toEqual({ weeks: { excluded: false, type: 'float', default: 1.5 } });
    expect(
      imageRequest(change({ description: 'how long' })).declarations
    ).toEqual({ weeks: { excluded: false, description: 'how long' } });
  });

  it('make an enum of the values that were named', () => {
    const enumerated = change({ type: 'enum', choices: '1, 2' });

    expect(imageRequest(enumerated).declarations?.weeks).toMatchObject({
      type: 'enum',
      choices: [1, 2],
      default: 1
    });
  });

  it('that do not fit hold the wizard at its step', () => {
    const at = (wizard: IWizard) =>
      problemOf({ ...wizard, step: 'parameters' });

    expect(at(change({ default: 'many' }))).toBe('edit-invalid');
    expect(at(change({ type: 'enum', choices: '2, 3' }))).toBe('edit-invalid');
    expect(at(change({ default: '2' }))).toBeNull();
  });

  it('choose the parameter, and can be taken back', () => {
    const changed = change({ default: '2' }, 'derived');

    expect(chosenNames(changed)).toContain('derived');
    const undone = play(changed, { type: 'undo-parameter', name: 'derived' });
    expect(imageRequest(undone).declarations).toBeUndefined();
  });

  it('say of a name that looks like a secret that it is none', () => {
    const open_ = play(ready, {
      type: 'secret',
      name: 'api_key',
      secret: false
    });

    expect(imageRequest(open_)).toMatchObject({
      secrets: [],
      declarations: { api_key: { secret: false } }
    });
  });
});

describe('a draft', () => {
  const ADDRESS = '/kernel-containers/api';
  const typed = play(
    open('a.ipynb', undefined, 'token'),
    { type: 'inspected', inspection: INSPECTION },
    { type: 'edit', field: 'title', text: 'Typed' },
    { type: 'go', step: 'parameters' }
  );
  const fresh = open('a.ipynb', undefined, 'other');

  afterEach(() => window.localStorage.clear());

  it('brings back what was typed, and where', () => {
    keepDraft(ADDRESS, typed);

    expect(restoreDraft(ADDRESS, fresh)).toMatchObject({
      title: 'Typed',
      step: 'parameters',
      restored: true,
      token: 'other'
    });
    expect(restoreDraft('/another/api', fresh)).toEqual(fresh);
  });

  it('of a review is planned again once the notebook was read', () => {
    keepDraft(ADDRESS, { ...typed, step: 'review' });

    const { plan, target } = restoreDraft(ADDRESS, fresh);

    expect([plan.status, target.status]).toEqual(['loading', 'loading']);
  });

  it('goes when a job was started, and when nothing was typed', () => {
    for (const done of [{ ...typed, step: 'progress' as const }, fresh]) {
      keepDraft(ADDRESS, typed);
      keepDraft(ADDRESS, done);
      expect(restoreDraft(ADDRESS, fresh)).toEqual(fresh);
    }
  });

  it('that another version wrote is not taken up', () => {
    window.localStorage.setItem(
      'kernel-containers:draft:/kernel-containers/api:a.ipynb',
      '{"title": "Old"}'
    );

    expect(restoreDraft(ADDRESS, fresh)).toEqual(fresh);
  });
});
