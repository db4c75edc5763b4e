import * as React from 'react';

import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { applyEvent, isActive } from '../jobstate';
import type { IJobView } from '../jobstate';
import type { IServices } from '../services';

export const ServicesContext = React.createContext<IServices | null>(null);

/** Return what all screens share; only below its provider. */
export function useServices(): IServices {
  const services = React.useContext(ServicesContext);
  if (!services) {
    throw new Error('There is no ServicesContext above this component.');
  }
  return services;
}

/** Return a job with its log as it goes on, null until the server told about it. */
export function useJob(id: string): {
  view: IJobView | null;
  error: ApiError | null;
} {
  const { api, jobs } = useServices();
  const [view, setView] = React.useState<IJobView | null>(null);
  const [error, setError] = React.useState<ApiError | null>(null);
  React.useEffect(() => {
    let stopped = false;
    let stopFollowing = () => undefined as void;
    const reread = () =>
      api.job(id).then(
        job => {
          if (!stopped) {
            setView(old => ({ job, log: old?.log ?? [] }));
          }
          return job;
        },
        (reason: unknown) => {
          if (!stopped) {
            setError(asApiError(reason));
          }
          return null;
        }
      );
    void reread().then(job => {
      if (!job || stopped) {
        return;
      }
      // From the first event on, because the log is in the events only.
      stopFollowing = api.follow(id, -1, event => {
        setView(old => old && applyEvent(old, event));
        if (
          event.type === 'state' &&
          event.state &&
          !isActive({ state: event.state })
        ) {
          void reread();
        }
      });
    });
    return () => {
      stopped = true;
      stopFollowing();
    };
  }, [api, id]);
  React.useEffect(() => jobs.watch(id), [jobs, id]);
  return { view, error };
}

/** Return what an asynchronous function gives, again whenever `key` changes. */
export function useFetched<T>(
  fetch: () => Promise<T>,
  key: unknown
): {
  value: T | null;
  error: ApiError | null;
  loading: boolean;
  again: () => void;
} {
  const [round, setRound] = React.useState(0);
  const [state, setState] = React.useState<{
    value: T | null;
    error: ApiError | null;
    loading: boolean;
  }>({ value: null, error: null, loading: true });
  React.useEffect(() => {
    let stopped = false;
    setState(old => ({ ...old, loading: true }));
    fetch().then(
      value => stopped || setState({ value, error: null, loading: false }),
      (error: unknown) =>
        stopped ||
        setState({ value: null, error: asApiError(error), loading: false })
    );
    return () => {
      stopped = true;
    };
    // `fetch` is a new function at each rendering; `key` says when it means something else.
  }, [key, round]);
  return { ...state, again: () => setRound(round + 1) };
}
