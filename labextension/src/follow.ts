import type { Api } from './api';
import { asApiError, isOutage } from './errors';
import type { ApiError } from './errors';
import { applyEvent, isActive } from './jobstate';
import type { IJobView } from './jobstate';

const LONGEST_WAIT = 10_000; // ms between two attempts to reconnect

/** What is known of a job: nothing at first, and with the error while no server answers. */
export interface IFollowed {
  readonly view: IJobView | null;
  readonly error: ApiError | null;
}

/**
 * Follow a job with its log until it has ended; returns how to stop that.
 *
 * After a lost connection all is read anew: a server that was started again meanwhile counts the
 * job's events from the beginning, and may know no more of it than that it is lost.
 */
export function followJob(
  api: Api,
  id: string,
  tell: (followed: IFollowed) => void
): () => void {
  let view: IJobView | null = null;
  let attempts = 0;
  let timer = 0;
  let stopped = false;
  let disconnect: () => void = () => undefined;

  const show = (next: IJobView) => {
    view = next;
    tell({ view, error: null });
  };
  const later = () => {
    attempts += 1;
    const wait = Math.min(LONGEST_WAIT, 250 * 2 ** attempts);
    timer = window.setTimeout(() => void read(), wait);
  };
  const fail = (error: ApiError) => {
    const passes = isOutage(error);
    tell({ view: passes ? view : null, error });
    if (passes) {
      later();
    }
  };
  /** Ask for the job's record. */
  const ask = async (log: readonly string[]): Promise<boolean> => {
    try {
      const job = await api.job(id);
      if (!stopped) {
        show({ job, log });
      }
      return !stopped;
    } catch (reason) {
      if (!stopped) {
        fail(asApiError(reason));
      }
      return false;
    }
  };
  const read = async () => {
    if (!(await ask([]))) {
      return;
    }
    const wasActive = view !== null && isActive(view.job);
    // From the first event on, because the log is in the events only.
    disconnect = api.events(id, {
      onEvent: event => {
        attempts = 0;
        const next = view && applyEvent(view, event);
        // The end is told with its result, which the record has.
        if (next && (!wasActive || isActive(next.job))) {
          show(next);
        }
      },
      onClosed: complete => {
        if (!complete) {
          later();
        } else if (wasActive) {
          void ask(view?.log ?? []);
        }
      }
    });
  };
  void read();
  return () => {
    stopped = true;
    window.clearTimeout(timer);
    disconnect();
  };
}
