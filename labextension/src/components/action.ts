import * as React from 'react';

import type { Job, JobRequest } from '../api';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { newToken, tokenAfter } from '../jobs';
import { useServices } from './context';

export interface IAction {
  readonly busy: boolean;
  readonly error: ApiError | null;
}

/** What a click does: once at a time however slow the server is, and its failure is shown. */
export function useAction(): IAction & {
  act: (work: () => Promise<unknown>) => void;
} {
  const going = React.useRef(false);
  const [state, setState] = React.useState<IAction>({
    busy: false,
    error: null
  });
  const act = React.useCallback((work: () => Promise<unknown>) => {
    if (going.current) {
      return;
    }
    going.current = true;
    setState({ busy: true, error: null });
    const end = (error: ApiError | null) => {
      going.current = false;
      setState({ busy: false, error });
    };
    work().then(
      () => end(null),
      (reason: unknown) => end(asApiError(reason))
    );
  }, []);
  return { ...state, act };
}

type Untokened<R> = R extends unknown ? Omit<R, 'token'> : never;

/** Start jobs, each of which is one, however often it was asked for before there was an answer. */
export function useStart(onStarted: (job: Job) => void): IAction & {
  start: (request: Untokened<JobRequest>) => void;
} {
  const { jobs } = useServices();
  const token = React.useRef('');
  const { act, ...state } = useAction();
  const start = (request: Untokened<JobRequest>) =>
    act(async () => {
      token.current ||= newToken();
      try {
        const job = await jobs.start({ ...request, token: token.current });
        token.current = '';
        onStarted(job);
      } catch (reason) {
        token.current = tokenAfter(asApiError(reason), token.current);
        throw reason;
      }
    });
  return { ...state, start };
}
