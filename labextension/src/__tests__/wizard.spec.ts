import type { Inspection, Job, Plan, Target } from '../api';
import { ApiError } from '../errors';
import { nameProblem, problemOf } from '../wizard/problems';
import { next } from '../wizard/reducer';
import { destinationText, imageRequest, jobRequest } from '../wizard/requests';
import {
  chosenNames,
  open,
  shownVariables,
  untoldProblems
} from '../wizard/state';
import {
  INSPECTION,
  NEW,
  PLAN,
  atReview,
  play,
  read,
  variable
} from './samples';

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
  it('has what looks like a secret given with each run, unless the notebook sets it twice', () => {
    const secret = { default: null, secret: true, chosen: false };
    const wizard = play(open('a.ipynb', 'python3', 't'), {
      type: 'inspected',
      inspection: {
        ...INSPECTION,
        variables: [
          variable('api_key', secret),
          variable('token', { ...secret, contested: true })
        ]
      }
    });
    expect(imageRequest(wizard)).toMatchObject({
      parameters: ['api_key'],
      secrets: ['api_key']
    });
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
  it('is a folder called after the name until one is chosen', () => {
    const wizard = next(read(), {
      type: 'destination',
      change: { kind: 'layout' }
    });
    expect(destinationText(wizard)).toBe('oci:sales-image');
  });
});

describe('review', () => {
  it('names the running kernel where it runs in a container', () => {
    const opened = open('a.ipynb', 'python3', 't', undefined, 'kernel-1');
    const asked = (containerized: boolean) =>
      imageRequest(
        play(opened, {
          type: 'inspected',
          inspection: {
            ...INSPECTION,
            kernel: { ...INSPECTION.kernel, containerized }
          }
        })
      );

    expect(asked(true).kernel_id).toBe('kernel-1');
    expect(asked(false).kernel_id).toBeUndefined();
  });

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

it('goes back from a failed job with everything that was typed, and plans anew', () => {
  const job = { id: '1' } as Job;
  const wizard = play(
    atReview(),
    { type: 'started', job },
    { type: 'change-and-retry', token: 'v' }
  );
  expect(wizard).toMatchObject({
    step: 'review',
    job: null,
    token: 'v',
    plan: { status: 'loading' },
    target: { status: 'loading' }
  });
  expect(jobRequest(wizard)).toMatchObject({
    kind: 'containerize',
    token: 'v',
    plan: { to: 'docker:sales:latest', parameters: ['weeks', 'api_key'] }
  });
});

it('tells once what both the notebook and its plan say, whatever the words', () => {
  const about = (rule: string, subject: string) => ({ rule, subject });
  const problems = [
    about('missing-file', 'a.csv'),
    about('missing-file', 'b.csv'),
    about('absolute-path', 'a.csv'),
    about('input', '')
  ];
  const inspection = { ...INSPECTION, problems } as unknown as Inspection;
  const warnings = [about('missing-file', 'a.csv')];
  const plan = { ...PLAN, warnings } as unknown as Plan;

  const wizard = play(read(), { type: 'inspected', inspection });

  expect(untoldProblems(wizard)).toEqual(problems);
  expect(untoldProblems(play(wizard, { type: 'planned', plan }))).toEqual(
    problems.slice(1)
  );
});

describe('files', () => {
  const changed = () =>
    play(
      atReview(),
      { type: 'planned', plan: PLAN },
      { type: 'target', target: { status: 'ready', value: NEW } },
      { type: 'consent', change: { secrets: true } },
      { type: 'files', change: { excludes: ['/root/helper.py'] } },
      { type: 'files', change: { includes: ['data/a.csv'] } }
    );

  it('are asked for as the user wants them', () => {
    const { includes, excludes } = imageRequest(changed());

    expect(includes).toEqual(['data/a.csv']);
    expect(excludes).toEqual(['/root/helper.py']);
  });

  it('make the plan anew, in which other secrets may be found', () => {
    expect(changed().plan.status).toBe('loading');
    expect(problemOf(changed())).toBe('planning');
    expect(changed().consent.secrets).toBe(false);
  });
});
