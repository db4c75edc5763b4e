import { nullTranslator } from '@jupyterlab/translation';

import type { IParametersSchema, Job, JobEvent } from '../api';
import { Format } from '../format';
import { takeStock } from '../jobmessages';
import { applyEvent } from '../jobstate';
import {
  kernelRequest,
  readMounts,
  EMPTY_KERNEL
} from '../kernels/kernelrequest';
import { compareRows, matching, nextPanel, START } from '../panel/state';
import {
  initialForm,
  readForm,
  readSweep,
  runRequests,
  splitValues
} from '../runrequest';
import { parseField } from '../values';

const trans = nullTranslator.load('kernel_containers');

const SCHEMA: IParametersSchema = {
  properties: {
    region: { type: 'string', 'x-type': 'str', default: 'south' },
    weeks: { type: 'integer', 'x-type': 'int', default: 26 },
    key: { type: 'string', 'x-type': 'str', writeOnly: true },
    since: { type: 'string', 'x-type': 'date' }
  },
  required: ['since']
};

describe('a field', () => {
  it.each<[string, string, unknown]>([
    ['str', 'NO', 'NO'],
    ['str', '012345678901', '012345678901'],
    ['str', '', ''],
    ['int', ' 42 ', 42],
    ['float', '1e5', 100000],
    ['float', 'nan', 'nan'],
    ['bool', 'false', false],
    ['date', '2026-02-28', '2026-02-28'],
    ['list', '[1, "a"]', [1, 'a']],
    ['dict', '{"a": null}', { a: null }],
    ['json', 'null', null]
  ])('of type %s reads %s', (type, text, value) =>
    expect(parseField(text, { 'x-type': type }, trans)).toEqual({
      ok: true,
      value
    })
  );
  it.each([
    ['int', '1.5'],
    ['int', ''],
    ['int', '9007199254740993'],
    ['float', 'many'],
    ['bool', 'yes'],
    ['date', '2026-02-30'],
    ['list', '{}'],
    ['dict', '[]'],
    ['json', '{']
  ])('of type %s refuses %s', (type, text) =>
    expect(parseField(text, { 'x-type': type }, trans).ok).toBe(false)
  );
  it('of an enumeration keeps the type of its choice', () => {
    expect(parseField('2', { enum: [1, 2] }, trans)).toEqual({
      ok: true,
      value: 2
    });
  });
});

describe('a run form', () => {
  const filled = (texts: Record<string, string>) => {
    const form = initialForm(SCHEMA, {});
    return { ...form, texts: { ...form.texts, ...texts } };
  };
  it('asks for what has no default', () => {
    expect(Object.keys(readForm(filled({}), SCHEMA, trans).problems)).toEqual([
      'since'
    ]);
  });
  it('gives only what differs from the defaults, and secrets apart', () => {
    const read = readForm(
      filled({ weeks: '3', key: 'abc', since: '2026-01-01' }),
      SCHEMA,
      trans
    );
    expect(read.values).toEqual({ weeks: 3, since: '2026-01-01' });
    expect(read.secrets).toEqual({ key: 'abc' });
  });
  it('takes over the values of an earlier run, but no secret', () => {
    const form = initialForm(SCHEMA, { region: 'north', key: '***' });
    expect(form.texts).toMatchObject({ region: 'north', key: '' });
  });
  it('makes one run of each combination of a sweep, in one group', () => {
    const form = {
      ...filled({ region: 'north, east', weeks: '1..3', since: '2026-01-01' }),
      sweep: true
    };
    expect(readSweep(form, SCHEMA, trans).count).toBe(6);
    const requests = runRequests('image', form, SCHEMA, trans, 'tok');
    expect(requests).toHaveLength(6);
    expect(new Set(requests.map(request => request.token)).size).toBe(6);
    expect(requests[0]).toMatchObject({
      group: 'tok',
      parameters: { region: 'north', weeks: 1, since: '2026-01-01' }
    });
  });
  it('refuses a sweep that is too large before it is made', () => {
    const form = {
      ...filled({ weeks: '1..1000000', since: '2026-01-01' }),
      sweep: true
    };
    expect(readSweep(form, SCHEMA, trans).problems).toHaveProperty('weeks');
  });
  it('reads ranges of decimals without their rounding errors', () => {
    expect(splitValues('0..0.3 step 0.1', 'float')).toEqual([
      '0',
      '0.1',
      '0.2',
      '0.3'
    ]);
    expect(splitValues('a,b', 'str')).toEqual(['a', 'b']);
    expect(splitValues('[1, 2]', 'list')).toEqual(['[1, 2]']);
  });
});

describe('a job', () => {
  const job = {
    id: '1',
    state: 'queued',
    stages: [],
    events: -1,
    fraction: null,
    position: 2
  } as unknown as Job;
  const event = (seq: number, rest: Partial<JobEvent>) =>
    ({ seq, time: '', ...rest }) as JobEvent;
  it('follows its events, and ignores those it knows', () => {
    const stage = {
      name: 'push',
      message: '',
      done: 1,
      total: 2,
      unit: 'bytes',
      seconds: 1,
      ended: false
    } as const;
    const events = [
      event(0, { type: 'state', state: 'running' }),
      event(1, { type: 'progress', stage, fraction: 0.5 }),
      event(2, { type: 'progress', stage: { ...stage, done: 2 } }),
      event(0, { type: 'state', state: 'queued' })
    ];
    const view = events.reduce(applyEvent, { job, log: [] as string[] });
    expect(view.job).toMatchObject({
      state: 'running',
      position: null,
      fraction: 0.5,
      stages: [{ ...stage, done: 2 }]
    });
  });
  it('joins the pieces of a log to lines', () => {
    const view = [
      event(0, { type: 'log', text: 'Epoch ' }),
      event(1, { type: 'log', text: '1\n' }),
      event(2, { type: 'note', text: 'outputs written' })
    ].reduce(applyEvent, { job, log: [] as string[] });
    expect(view.log).toEqual(['Epoch 1\n', 'outputs written\n']);
  });
});

describe('the panel', () => {
  it('goes back through what was opened', () => {
    const opened = nextPanel(START, { type: 'show', view: { view: 'space' } });
    expect(nextPanel(opened, { type: 'back' })).toEqual(START);
  });
  it('filters runs by words of title, state and parameters', () => {
    const run = (title: string, state: Job['state'], parameters: object) =>
      ({ title, state, request: { parameters } }) as unknown as Job;
    const runs = [
      run('sales', 'failed', { region: 'north' }),
      run('sales', 'succeeded', { region: 'north' })
    ];
    expect(matching(runs, 'FAILED north')).toEqual([runs[0]]);
  });
  it('marks what differs between runs, a missing value too', () => {
    expect(compareRows([{ a: 1, b: [1] }, { a: 1 }])).toEqual([
      { name: 'a', values: [1, 1], differs: false },
      { name: 'b', values: [[1], undefined], differs: true }
    ]);
  });
});

it('asks for a kernel with what was filled in only', () => {
  const form = { ...EMPTY_KERNEL, prefix: '/venv', name: 'box', cpus: '1.5' };
  expect(kernelRequest(form)).toEqual({
    kind: 'add-kernel',
    name: 'box',
    prefix: '/venv',
    limits: { cpus: 1.5 }
  });
  expect(readMounts('/a\n/b:/c:ro\n')).toEqual([
    { source: '/a', read_only: false },
    { source: '/b', target: '/c', read_only: true }
  ]);
});

it('shows sizes and durations in fitting units', () => {
  const format = new Format(trans, 'en');
  expect([0, 999, 1500, 2.6e9].map(size => format.bytes(size))).toEqual([
    '0 bytes',
    '999 bytes',
    '1.5 kB',
    '2.6 GB'
  ]);
  expect([1.25, 42, 61, 3700].map(time => format.seconds(time))).toEqual([
    '1.3 s',
    '42 s',
    '1 min 1 s',
    '1 h 1 min'
  ]);
});

describe('takeStock', () => {
  const job = (id: string, state: Job['state'], group?: string) =>
    ({ id, state, request: group ? { group } : {} }) as unknown as Job;

  it('tells each end once, and nothing of jobs that ended before', () => {
    const first = takeStock(new Set(), [
      job('a', 'running'),
      job('old', 'failed')
    ]);
    const second = takeStock(first.open, [job('a', 'succeeded')]);
    const third = takeStock(second.open, [job('a', 'succeeded')]);

    expect(first.going.map(({ id }) => id)).toEqual(['a']);
    expect(first.ended).toEqual([]);
    expect(second.ended.map(group => group.map(({ id }) => id))).toEqual([
      ['a']
    ]);
    expect(third.ended).toEqual([]);
  });

  it('tells the end of a sweep when its last run has ended', () => {
    const first = takeStock(new Set(), [
      job('a', 'running', 'g'),
      job('b', 'queued', 'g')
    ]);
    const second = takeStock(first.open, [
      job('a', 'succeeded', 'g'),
      job('b', 'running', 'g')
    ]);
    const third = takeStock(second.open, [
      job('a', 'succeeded', 'g'),
      job('b', 'failed', 'g')
    ]);

    expect(second.ended).toEqual([]);
    expect(third.ended.map(group => group.map(({ id }) => id))).toEqual([
      ['a', 'b']
    ]);
  });
});

it.each([
  ['de-DE', ['1,5 kB', '1,3 s', '45 %', '12.345']],
  ['zh_Hans_CN', ['1.5 kB', '1.3 s', '45%', '12,345']]
])('writes numbers as people of %s do', (language, texts) => {
  const format = new Format(trans, language);

  const shown = [
    format.bytes(1500),
    format.seconds(1.25),
    format.percent(0.459),
    format.count(12345)
  ];

  expect(shown.map(text => text.replace(/\s/g, ' '))).toEqual(texts);
});
