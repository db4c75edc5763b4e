import type { Event } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { Api, Job, JobRequest } from './api';
import type { ApiError } from './errors';
import { asApiError, isOutage } from './errors';
import { isActive } from './jobstate';

const SCHEMA = 'urn:kernel-containers:job';
const NEWEST = 100; // jobs that are listed before anybody asks for more
const MOST = 500; // jobs in one answer, and about as many as the server keeps
const SETTLE = 200; // ms; a burst of events asks the server once
const LOOK = 10_000; // ms between two looks at what goes on

/** What the event bus says about one job. */
export interface IJobChange {
  readonly job_id: string;
  readonly kind: Job['kind'];
  readonly state: Job['state'];
  readonly title: string;
  readonly fraction: number | null;
  readonly stage: string | null;
  readonly position: number | null;
}

/**
 * The newest jobs of the server, kept current by the server's event bus: every tab and both
 * applications see the same ones, also after a reload.
 */
export class JobsModel implements IDisposable {
  constructor(
    private readonly _api: Api,
    private readonly _events: Event.IManager
  ) {
    this._refresher = new Debouncer(() => this.refresh(), SETTLE);
    // A server that was started again has told what became of jobs before pages were connected.
    this._poll = new Poll({
      auto: true,
      factory: async () => {
        if (this._error || this.active.length > 0) {
          await this.refresh();
        }
      },
      frequency: { interval: LOOK, backoff: false, max: LOOK },
      standby: 'when-hidden'
    });
    this._events.stream.connect(this._onEvent);
  }

  /** Emitted after any change; the argument is what the event bus said, if that was it. */
  get changed(): ISignal<this, IJobChange | null> {
    return this._changed;
  }

  get jobs(): readonly Job[] {
    return this._jobs;
  }

  get active(): readonly Job[] {
    return this._jobs.filter(isActive);
  }

  /** Say that a screen shows a job, so that nothing else has to; returns how to end that. */
  watch(id: string): () => void {
    this._watched.push(id);
    return () => {
      this._watched.splice(this._watched.indexOf(id), 1);
    };
  }

  isWatched(id: string): boolean {
    return this._watched.includes(id);
  }

  /** Why the jobs can't be listed, null while they can. */
  get error(): ApiError | null {
    return this._error;
  }

  /** Whether the server was asked at least once. */
  get isReady(): boolean {
    return this._ready;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    this._events.stream.disconnect(this._onEvent);
    this._refresher.dispose();
    this._poll.dispose();
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    try {
      const { jobs, next } = await this._api.jobs({ limit: this._limit });
      this._jobs = jobs;
      this._hasMore = next !== null && this._limit < MOST;
      this._error = null;
    } catch (error) {
      this._error = asApiError(error);
    }
    this._ready = true;
    this._changed.emit(null);
  }

  /** Whether the server has older jobs than these. */
  get hasMore(): boolean {
    return this._hasMore;
  }

  /** List all that the server keeps, from now on. */
  async more(): Promise<void> {
    this._limit = MOST;
    await this.refresh();
  }

  async start(request: JobRequest): Promise<Job> {
    const job = await this._api.start(request);
    this._replace(job);
    return job;
  }

  async cancel(id: string): Promise<void> {
    this._replace(await this._api.cancel(id));
  }

  async forget(id: string): Promise<void> {
    await this._api.forget(id);
    this._jobs = this._jobs.filter(job => job.id !== id);
    this._changed.emit(null);
  }

  private _replace(job: Job): void {
    this._jobs = [job, ...this._jobs.filter(other => other.id !== job.id)];
    this._changed.emit(null);
  }

  private readonly _onEvent = (
    _: Event.IManager,
    event: Event.Emission
  ): void => {
    if (event.schema_id !== SCHEMA) {
      return;
    }
    const change = event as unknown as IJobChange;
    const known = this._jobs.find(job => job.id === change.job_id);
    if (known && isActive(change)) {
      this._jobs = this._jobs.map(job =>
        job.id === change.job_id
          ? {
              ...job,
              state: change.state,
              fraction: change.fraction ?? job.fraction,
              position: change.position
            }
          : job
      );
    } else {
      // The result of a job that ended stands in its record only.
      void this._refresher.invoke();
    }
    this._changed.emit(change);
  };

  private readonly _changed = new Signal<this, IJobChange | null>(this);
  private readonly _refresher: Debouncer;
  private readonly _poll: Poll;
  private _jobs: readonly Job[] = [];
  private _error: ApiError | null = null;
  private readonly _watched: string[] = [];
  private _limit = NEWEST;
  private _hasMore = false;
  private _ready = false;
  private _disposed = false;
}

/** Return the token to repeat a request with that failed: the same one if it may have arrived. */
export function tokenAfter(error: ApiError, token: string): string {
  return isOutage(error) ? token : newToken();
}

/** Return a random token: one intention of the user, however often the request is sent. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
