import type { Api, Job, JobEvent } from '../api';
import { ApiError } from '../errors';
import { followJob } from '../follow';
import type { IFollowed } from '../follow';
import { tokenAfter } from '../jobs';
import type { IListener } from '../transport';

const RUNNING = { id: 'a', state: 'running', events: -1 } as unknown as Job;
const NO_ANSWER = new ApiError(0, 'No answer');

/** A server whose records and streams are what a test says. */
class Script {
  readonly streams: IListener<JobEvent>[] = [];
  readonly told: IFollowed[] = [];

  constructor(readonly answers: (Job | ApiError)[]) {}

  get last(): IFollowed {
    return this.told[this.told.length - 1];
  }

  follow(): () => void {
    const api = {
      job: () => {
        const answer = this.answers.shift();
        return answer instanceof ApiError
          ? Promise.reject(answer)
          : Promise.resolve(answer);
      },
      events: (_: string, listener: IListener<JobEvent>) => {
        this.streams.push(listener);
        return () => undefined;
      }
    } as unknown as Api;
    return followJob(api, 'a', followed => this.told.push(followed));
  }
}

function log(seq: number, text: string): JobEvent {
  return { seq, time: '', type: 'log', text };
}

describe('a followed job', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is told at its end with the result that only the record has', async () => {
    const ended = { ...RUNNING, state: 'succeeded', result: { size: 1 } };
    const server = new Script([RUNNING, ended as unknown as Job]);
    server.follow();
    await jest.advanceTimersByTimeAsync(0);

    server.streams[0].onEvent(log(0, 'one\n'));
    server.streams[0].onEvent({
      seq: 1,
      time: '',
      type: 'state',
      state: 'succeeded'
    });
    server.streams[0].onClosed(true);
    await jest.advanceTimersByTimeAsync(0);

    expect(server.last.view).toEqual({ job: ended, log: ['one\n'] });
    const finals = server.told.filter(
      ({ view }) => view?.job.state === 'succeeded'
    );
    expect(finals).toHaveLength(1);
  });

  it('is read anew from a server that counts from the beginning again', async () => {
    const lost = { ...RUNNING, state: 'lost', events: 1 } as unknown as Job;
    const server = new Script([RUNNING, NO_ANSWER, lost]);
    server.follow();
    await jest.advanceTimersByTimeAsync(0);
    server.streams[0].onEvent(log(57, 'before\n'));

    server.streams[0].onClosed(false);
    await jest.advanceTimersByTimeAsync(600);
    expect(server.last.error).toBe(NO_ANSWER);
    expect(server.last.view?.job.state).toBe('running');
    await jest.advanceTimersByTimeAsync(2000);

    server.streams[1].onEvent(log(0, 'after\n'));
    expect(server.last).toEqual({
      view: { job: lost, log: ['after\n'] },
      error: null
    });
  });

  it('is nothing but an error where the server knows of none', async () => {
    const server = new Script([RUNNING, new ApiError(404, 'There is no job')]);
    server.follow();
    await jest.advanceTimersByTimeAsync(0);

    server.streams[0].onClosed(false);
    await jest.advanceTimersByTimeAsync(60_000);

    expect(server.last.view).toBeNull();
    expect(server.last.error?.what).toBe('There is no job');
    expect(server.streams).toHaveLength(1);
  });

  it('is left alone by who stopped to follow it', async () => {
    const server = new Script([RUNNING]);
    const stop = server.follow();
    stop();
    await jest.advanceTimersByTimeAsync(60_000);

    expect(server.told).toEqual([]);
    expect(server.streams).toEqual([]);
  });
});

it('repeats a request with the same token while it is not known whether it arrived', () => {
  expect(tokenAfter(NO_ANSWER, 't')).toBe('t');
  expect(tokenAfter(new ApiError(504, ''), 't')).toBe('t');
  expect(tokenAfter(new ApiError(400, ''), 't')).not.toBe('t');
});
