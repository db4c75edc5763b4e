import { nullTranslator } from '@jupyterlab/translation';

import { notOurAnswer, refusal } from '../refusals';

const trans = nullTranslator.load('kernel_containers');

describe('what the server refuses', () => {
  it('is told in the words of the server extension', () => {
    const text =
      '{"what": "No.", "why": "so", "todo": "ask", "code": "conflict"}';
    expect(refusal(409, text, trans)).toMatchObject({
      what: 'No.',
      why: 'so',
      todo: 'ask',
      code: 'conflict'
    });
  });
  it.each(['{"message": "Forbidden"}', '<html>sign in</html>', ''])(
    'because the session is over leads to a reload: %s',
    text => expect(refusal(403, text, trans).todo).toContain('sign in again')
  );
  it('without the server extension names the command that enables it', () => {
    expect(refusal(404, '<html>', trans).todo).toContain('extension enable');
  });
  it('by a proxy is told with its status', () => {
    expect(refusal(502, '<html>', trans).what).toContain('502');
  });
});

it('a page instead of an answer leads to a reload', () => {
  expect(notOurAnswer(200, trans).todo).toContain('Reload');
});
