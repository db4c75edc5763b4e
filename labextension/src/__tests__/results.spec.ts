import { nullTranslator } from '@jupyterlab/translation';

import type { Job } from '../api';
import { Format, formatValues } from '../format';
import { inOrder } from '../panel/state';
import { contentOf, resultPath } from '../results';
import { unknownNames } from '../runrequest';

const trans = nullTranslator.load('kernel_containers');

function bytes(text: string): ArrayBuffer {
  return Uint8Array.from(new TextEncoder().encode(text)).buffer;
}

describe('a file of a run', () => {
  it('has a path that tells its place, whatever is in the names', () => {
    expect(
      resultPath('sales & more', 'latest', 's3://team/a b', 'n.ipynb')
    ).toBe('Results:s3%3A%2F%2Fteam%2Fa%20b/sales%20%26%20more/latest/n.ipynb');
    expect(resultPath('sales', 'x', undefined, 'n.ipynb')).toBe(
      'Results:/sales/x/n.ipynb'
    );
  });

  it('is a notebook as the server would give it', () => {
    const cells = [
      {
        cell_type: 'code',
        source: ['a\n', 'b'],
        metadata: { trusted: true, tags: ['a'] },
        outputs: [
          { output_type: 'stream', text: ['1\n', '2'] },
          {
            data: { 'text/html': ['<b>', '</b>'], 'application/json': [1, 2] }
          },
          { output_type: 'error', traceback: ['a', 'b'] }
        ]
      },
      { cell_type: 'raw' }
    ];

    const found = contentOf('n.ipynb', bytes(JSON.stringify({ cells })));

    expect(found).toEqual({
      type: 'notebook',
      format: 'json',
      mimetype: '',
      content: {
        cells: [
          {
            cell_type: 'code',
            source: 'a\nb',
            metadata: { tags: ['a'] },
            outputs: [
              { output_type: 'stream', text: '1\n2' },
              { data: { 'text/html': '<b></b>', 'application/json': [1, 2] } },
              { output_type: 'error', traceback: ['a', 'b'] }
            ]
          },
          { cell_type: 'raw', source: '' }
        ]
      }
    });
  });

  it.each([
    ['a text', 'log.jsonl', bytes('{"ä": 1}\n'), 'text', '{"ä": 1}\n'],
    ['a broken notebook', 'n.ipynb', bytes('{'), 'base64', 'ew=='],
    [
      'no text',
      'plot.png',
      Uint8Array.from([0x89, 0xff]).buffer,
      'base64',
      'if8='
    ]
  ])('is %s', (_, name, data, format, content) => {
    expect(contentOf(name, data)).toMatchObject({
      type: 'file',
      format,
      content
    });
  });
});

describe('runs', () => {
  const job = (
    id: string,
    title: string,
    created: string,
    state: Job['state'],
    finished: string | null
  ) =>
    ({
      id,
      title,
      created,
      state,
      started: created,
      finished
    }) as unknown as Job;
  const jobs = [
    job(
      'a',
      'report:10',
      '2026-01-01T00:00:00Z',
      'succeeded',
      '2026-01-01T01:00:00Z'
    ),
    job('b', 'report:9', '2026-01-03T00:00:00Z', 'running', null),
    job(
      'c',
      'report:9',
      '2026-01-02T00:00:00Z',
      'failed',
      '2026-01-02T00:00:05Z'
    )
  ];

  it.each([
    ['newest', 'bca'],
    ['oldest', 'acb'],
    ['name', 'bca'],
    ['longest', 'acb'],
    ['state', 'cba']
  ] as const)('come in the order %s', (order, ids) => {
    const found = inOrder(jobs, order);

    expect(found.map(({ id }) => id).join('')).toBe(ids);
  });

  it('show their values in a line', () => {
    expect(formatValues({ region: 'south', weeks: [1, 2] })).toBe(
      'region = south, weeks = [1,2]'
    );
  });

  it('name values that an image does not take', () => {
    const schema = { properties: { weeks: { type: 'integer' } } };

    expect(unknownNames(schema, { weeks: 2, region: 'south' })).toEqual([
      'region'
    ]);
  });

  it('tell their date once their age says little', () => {
    const format = new Format(trans, 'en');
    const now = Date.parse('2026-11-21T12:00:00Z');

    expect(format.age('2026-11-19T12:00:00Z', now)).toBe('2 days ago');
    expect(format.age('2025-11-01T12:00:00Z', now)).toContain('2025');
  });
});
