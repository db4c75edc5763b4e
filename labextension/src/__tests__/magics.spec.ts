import { nullTranslator } from '@jupyterlab/translation';

import { requestFor } from '../kernels/magics';

const trans = nullTranslator.load('kernel_containers');

describe('requestFor', () => {
  it('makes an image of the notebook that asks, wherever the kernel says it is', () => {
    const data = {
      version: 1,
      kind: 'containerize',
      to: 'host/team/report:1',
      parameters: ['weeks'],
      secrets: [],
      notebook: '/etc/passwd',
      allow_secrets: true,
      includes: ['/root']
    };

    expect(requestFor(data, 'work/report.ipynb', 'comm', trans)).toEqual({
      kind: 'containerize',
      token: 'comm',
      plan: {
        notebook: 'work/report.ipynb',
        to: 'host/team/report:1',
        parameters: ['weeks'],
        secrets: []
      },
      allow_secrets: false,
      create_repository: false,
      overwrite: false
    });
    const local = {
      version: 1,
      kind: 'containerize',
      to: null,
      parameters: null
    };
    expect(requestFor(local, 'a.ipynb', 'comm', trans)).toMatchObject({
      plan: { notebook: 'a.ipynb' }
    });
  });

  it('runs an image with parameters, and with nothing else', () => {
    const data = {
      version: 1,
      kind: 'run',
      image: 'host/report:1',
      parameters: { weeks: 13 },
      output: 'file:///etc',
      network: 'host'
    };

    expect(requestFor(data, 'a.ipynb', 'comm', trans)).toEqual({
      kind: 'run',
      token: 'comm',
      image: 'host/report:1',
      parameters: { weeks: 13 },
      allow_errors: false
    });
  });

  it.each([
    undefined,
    {},
    { version: 2, kind: 'run', image: 'a' },
    { version: 1, kind: 'pull', image: 'a' },
    { version: 1, kind: 'run' }
  ])('refuses %p', data => {
    expect(() => requestFor(data, 'a.ipynb', 'comm', trans)).toThrow(
      'does not know'
    );
  });
});
