import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { components } from './contract';

type Schemas = components['schemas'];
export type Health = Schemas['Health'];
export type Check = Schemas['Check'];
export type Inspection = Schemas['Inspection'];
export type Variable = Schemas['Variable'];
export type Problem = Schemas['Problem'];
export type Finding = Schemas['Finding'];
export type ImageRequest = Schemas['ImageRequest'];
export type Plan = Schemas['Plan'];
export type Target = Schemas['Target'];
export type Kernel = Schemas['Kernel'];
export type Environment = Schemas['Environment'];
export type RegistryState = Schemas['RegistryState'];
export type Image = Schemas['Image'];
export type Job = Schemas['Job'];
export type JobEvent = Schemas['JobEvent'];
export type JobRequest =
  | Schemas['ContainerizeJob']
  | Schemas['PullJob']
  | Schemas['AddKernelJob']
  | Schemas['RunJob'];
export type Stage = Schemas['Stage'];
export type CellState = Schemas['CellState'];
export type ContainerizeResult = Schemas['ContainerizeResult'];
export type RunResult = Schemas['RunResult'];
export type StoredRun = Schemas['StoredRun'];
export type Result = Schemas['Result'];
export type Space = Schemas['Space'];
export type Card = Schemas['Card'];
export type ServerError = Schemas['Error'];

/** One property of an image's parameter schema. */
export interface IParameterSchema {
  readonly 'x-type'?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly writeOnly?: boolean;
}

/** The JSON Schema of an image's parameters. */
export interface IParametersSchema {
  readonly title?: string;
  readonly properties?: Readonly<Record<string, IParameterSchema>>;
  readonly required?: readonly string[];
}

/** What happened, why, and what to do, in the server's words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly what: string,
    readonly why: string | null = null,
    readonly todo: string | null = null,
    readonly code: string = ''
  ) {
    super(what);
  }
}

/** Give any caught value the form that errors are shown in. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError
    ? error
    : new ApiError(0, error instanceof Error ? error.message : String(error));
}

const ROOT = 'kernel-containers/api';
const LONGEST_WAIT = 10_000; // ms between two attempts to reconnect

type Query = Record<string, string | number | boolean | undefined>;

/** Requests to the server extension; the only place that makes any. */
export class Api {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  health(): Promise<Health> {
    return this._get('health');
  }

  async doctor(): Promise<Check[]> {
    return (await this._get<{ checks: Check[] }>('doctor')).checks;
  }

  inspect(path: string, content?: object): Promise<Inspection> {
    return this._send(
      'POST',
      'inspect',
      content ? { path, content } : { path }
    );
  }

  plan(request: ImageRequest, signal?: AbortSignal): Promise<Plan> {
    return this._send('POST', 'plan', request, signal);
  }

  target(to: string): Promise<Target> {
    return this._get('destination', { to });
  }

  async registries(): Promise<{ host: string; credentials: boolean }[]> {
    const answer = await this._get<{
      registries: { host: string; credentials: boolean }[];
    }>('registries');
    return answer.registries;
  }

  registry(host: string): Promise<RegistryState> {
    return this._get(`registries/${encodeURIComponent(host)}`);
  }

  signIn(
    host: string,
    username: string,
    password: string
  ): Promise<RegistryState> {
    return this._send(
      'POST',
      `registries/${encodeURIComponent(host)}/sign-in`,
      {
        username,
        password
      }
    );
  }

  repositories(
    host: string,
    contains: string
  ): Promise<{ repositories: string[]; next: string | null }> {
    return this._get(`registries/${encodeURIComponent(host)}/repositories`, {
      contains: contains || undefined,
      limit: 50
    });
  }

  async kernels(): Promise<Kernel[]> {
    return (await this._get<{ kernels: Kernel[] }>('kernels')).kernels;
  }

  removeKernel(name: string): Promise<void> {
    return this._send('DELETE', `kernels/${encodeURIComponent(name)}`);
  }

  async environments(): Promise<Environment[]> {
    const answer = await this._get<{ environments: Environment[] }>(
      'environments'
    );
    return answer.environments;
  }

  images(after?: string): Promise<{ images: Image[]; next: string | null }> {
    return this._get('images', { after });
  }

  removeImage(id: string): Promise<void> {
    return this._send('DELETE', `images/${encodeURIComponent(id)}`);
  }

  async parameters(reference: string): Promise<IParametersSchema> {
    const answer = await this._get<{ parameters: IParametersSchema }>('image', {
      reference
    });
    return answer.parameters;
  }

  jobs(query: Query = {}): Promise<{ jobs: Job[]; next: string | null }> {
    return this._get('jobs', query);
  }

  job(id: string): Promise<Job> {
    return this._get(`jobs/${id}`);
  }

  start(request: JobRequest): Promise<Job> {
    return this._send('POST', 'jobs', request);
  }

  cancel(id: string): Promise<Job> {
    return this._send('POST', `jobs/${id}/cancel`, {});
  }

  forget(id: string): Promise<void> {
    return this._send('DELETE', `jobs/${id}`);
  }

  results(query: Query): Promise<{
    prefix: string;
    notebooks: string[];
    runs: StoredRun[];
    next: string | null;
  }> {
    return this._get('results', query);
  }

  result(notebook: string, run: string, prefix?: string): Promise<Result> {
    return this._get(resultPath(notebook, run), { prefix });
  }

  /** Return the address of a run's sandboxed page, or of another part of its results. */
  resultUrl(
    notebook: string,
    run: string,
    prefix: string | undefined,
    part: string
  ): string {
    return this._url(`${resultPath(notebook, run)}/${part}`, { prefix });
  }

  space(): Promise<Space> {
    return this._get('space');
  }

  freeSpace(cache: boolean): Promise<Space> {
    return this._send('DELETE', `space?cache=${cache}`);
  }

  gallery(
    query: Query
  ): Promise<{ prefix: string; cards: Card[]; next: string | null }> {
    return this._get('gallery', query);
  }

  publish(body: object): Promise<Card> {
    return this._send('POST', 'gallery', body);
  }

  clone(
    id: string,
    folder: string
  ): Promise<{ path: string; image: string | null }> {
    return this._send('POST', `gallery/${encodeURIComponent(id)}/clone`, {
      folder
    });
  }

  galleryUrl(id: string, part: string): string {
    return this._url(`gallery/${encodeURIComponent(id)}/${part}`, {});
  }

  /**
   * Follow a job's events after number `after`; reconnects until the job has ended.
   * Returns how to stop following.
   */
  follow(
    id: string,
    after: number,
    onEvent: (event: JobEvent) => void
  ): () => void {
    const { WebSocket, wsUrl, token, appendToken } = this._settings;
    let last = after;
    let stopped = false;
    let attempts = 0;
    let socket: WebSocket | null = null;
    let timer = 0;
    const connect = () => {
      const query: Record<string, string> = { after: String(last) };
      if (appendToken && token) {
        query.token = token;
      }
      socket = new WebSocket(
        URLExt.join(wsUrl, ROOT, 'jobs', id, 'stream') +
          URLExt.objectToQueryString(query)
      );
      socket.onmessage = message => {
        const event = JSON.parse(message.data as string) as JobEvent;
        last = event.seq;
        attempts = 0;
        onEvent(event);
      };
      socket.onclose = closed => {
        if (!stopped && closed.code !== 1000) {
          attempts += 1;
          const wait = Math.min(LONGEST_WAIT, 250 * 2 ** attempts);
          timer = window.setTimeout(connect, wait);
        }
      };
    };
    connect();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
      socket?.close(1000);
    };
  }

  private _get<T>(path: string, query: Query = {}): Promise<T> {
    return this._request(this._url(path, query), {});
  }

  private _send<T>(
    method: string,
    path: string,
    body?: object,
    signal?: AbortSignal
  ): Promise<T> {
    return this._request(this._url(path, {}), {
      method,
      body: body && JSON.stringify(body),
      signal
    });
  }

  private _url(path: string, query: Query): string {
    const given: Record<string, string> = {};
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) {
        given[name] = String(value);
      }
    }
    return (
      URLExt.join(this._settings.baseUrl, ROOT, path) +
      URLExt.objectToQueryString(given)
    );
  }

  private async _request<T>(url: string, init: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new ApiError(
        0,
        'The Jupyter server does not answer.',
        error instanceof Error ? error.message : null,
        'Check that it runs, then try again.'
      );
    }
    const text = await response.text();
    if (response.ok) {
      return (text ? JSON.parse(text) : undefined) as T;
    }
    throw readError(response, text);
  }
}

function resultPath(notebook: string, run: string): string {
  return `results/${encodeURIComponent(notebook)}/${encodeURIComponent(run)}`;
}

function readError(response: Response, text: string): ApiError {
  try {
    const said = JSON.parse(text) as Partial<ServerError> & {
      message?: string;
    };
    if (said.what) {
      return new ApiError(
        response.status,
        said.what,
        said.why,
        said.todo,
        said.code
      );
    }
    if (said.message) {
      return new ApiError(response.status, said.message);
    }
  } catch {
    // Something between the browser and the server answered.
  }
  if (response.status === 404) {
    return new ApiError(
      404,
      'The server extension kernel_containers is not enabled.',
      null,
      'jupyter server extension enable kernel_containers'
    );
  }
  return new ApiError(
    response.status,
    `The server answered ${response.status} ${response.statusText}.`
  );
}
