import * as React from 'react';

import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { followJob } from '../follow';
import type { IFollowed } from '../follow';
import type { IServices } from '../services';

const UNKNOWN: IFollowed = { view: null, error: null };

export const ServicesContext = React.createContext<IServices | null>(null);

/** Return what all screens share; only below its provider. */
export function useServices(): IServices {
  const services = React.useContext(ServicesContext);
  if (!services) {
    throw new Error('There is no ServicesContext above this component.');
  }
  return services;
}

/** Return a job with its log as it goes on, as far as the server has told. */
export function useJob(id: string): IFollowed {
  const { api, jobs } = useServices();
  const [followed, setFollowed] = React.useState<IFollowed>(UNKNOWN);
  React.useEffect(() => followJob(api, id, setFollowed), [api, id]);
  React.useEffect(() => jobs.watch(id), [jobs, id]);
  return followed;
}

/** What was asked for, or why it did not come. */
export interface IFetched<T> {
  readonly value: T | null;
  readonly error: ApiError | null;
  readonly loading: boolean;
  readonly again: () => void;
}

/**
 * Return what an asynchronous function gives, again whenever `key` changes. While that is loading
 * the value is the one before.
 */
export function useFetched<T>(
  fetch: () => Promise<T>,
  key: string | number
): IFetched<T> {
  const [round, setRound] = React.useState(0);
  const asked = `${round} ${key}`;
  const [state, setState] = React.useState<{
    answers: string | null; // what was asked
    value: T | null;
    error: ApiError | null;
  }>({ answers: null, value: null, error: null });
  React.useEffect(() => {
    let stopped = false;
    fetch().then(
      value => stopped || setState({ answers: asked, value, error: null }),
      (reason: unknown) =>
        stopped ||
        setState({ answers: asked, value: null, error: asApiError(reason) })
    );
    return () => {
      stopped = true;
    };
    // `fetch` is a new function at each rendering; `key` says when it means something else.
  }, [asked]);
  const { value, error, answers } = state;
  return {
    value,
    error,
    loading: answers !== asked,
    again: () => setRound(round + 1)
  };
}
