import type { components } from './contract';
import type { IListener, Query, Transport } from './transport';

type Schemas = components['schemas'];
export type Health = Schemas['Health'];
export type Check = Schemas['Check'];
export type Inspection = Schemas['Inspection'];
export type Variable = Schemas['Variable'];
export type Declaration = Schemas['Declaration'];
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
export type AddKernelJob = Schemas['AddKernelJob'];
export type JobRequest =
  | Schemas['ContainerizeJob']
  | Schemas['PushJob']
  | Schemas['PullJob']
  | AddKernelJob
  | Schemas['RunJob'];
export type Stage = Schemas['Stage'];
export type CellState = Schemas['CellState'];
export type ContainerizeResult = Schemas['ContainerizeResult'];
export type RunResult = Schemas['RunResult'];
export type StoredRun = Schemas['StoredRun'];
export type Result = Schemas['Result'];
export type Space = Schemas['Space'];
export type Card = Schemas['Card'];

/** What can be published: a run, or a notebook of the server. */
export type Publication =
  | { notebook: string; run: string; prefix: string | undefined }
  | { path: string };

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

/** The routes of the server extension. */
export class Api {
  constructor(private readonly _transport: Transport) {}

  /** Where the server extension answers. */
  get address(): string {
    return this._transport.url('', {});
  }

  health(): Promise<Health> {
    return this._transport.get('health');
  }

  async doctor(): Promise<Check[]> {
    return (await this._transport.get<{ checks: Check[] }>('doctor')).checks;
  }

  /** Read a notebook; with a kernel, also what its variables hold now. */
  inspect(path: string, kernelId?: string): Promise<Inspection> {
    return this._transport.send(
      'POST',
      'inspect',
      kernelId ? { path, kernel_id: kernelId } : { path }
    );
  }

  plan(request: ImageRequest, signal?: AbortSignal): Promise<Plan> {
    return this._transport.send('POST', 'plan', request, signal);
  }

  target(to: string): Promise<Target> {
    return this._transport.get('destination', { to });
  }

  async registries(): Promise<{ host: string; credentials: boolean }[]> {
    const answer = await this._transport.get<{
      registries: { host: string; credentials: boolean }[];
    }>('registries');
    return answer.registries;
  }

  registry(host: string): Promise<RegistryState> {
    return this._transport.get(`registries/${encodeURIComponent(host)}`);
  }

  signIn(
    host: string,
    username: string,
    password: string
  ): Promise<RegistryState> {
    return this._transport.send(
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
    return this._transport.get(
      `registries/${encodeURIComponent(host)}/repositories`,
      {
        contains: contains || undefined,
        limit: 50
      }
    );
  }

  async kernels(): Promise<Kernel[]> {
    return (await this._transport.get<{ kernels: Kernel[] }>('kernels'))
      .kernels;
  }

  removeKernel(name: string): Promise<void> {
    return this._transport.send(
      'DELETE',
      `kernels/${encodeURIComponent(name)}`
    );
  }

  async environments(): Promise<Environment[]> {
    const answer = await this._transport.get<{ environments: Environment[] }>(
      'environments'
    );
    return answer.environments;
  }

  images(after?: string): Promise<{ images: Image[]; next: string | null }> {
    return this._transport.get('images', { after });
  }

  removeImage(id: string): Promise<void> {
    return this._transport.send('DELETE', `images/${encodeURIComponent(id)}`);
  }

  async parameters(reference: string): Promise<IParametersSchema> {
    const answer = await this._transport.get<{ parameters: IParametersSchema }>(
      'image',
      {
        reference
      }
    );
    return answer.parameters;
  }

  jobs(query: Query = {}): Promise<{ jobs: Job[]; next: string | null }> {
    return this._transport.get('jobs', query);
  }

  job(id: string): Promise<Job> {
    return this._transport.get(`jobs/${id}`);
  }

  start(request: JobRequest): Promise<Job> {
    return this._transport.send('POST', 'jobs', request);
  }

  cancel(id: string): Promise<Job> {
    return this._transport.send('POST', `jobs/${id}/cancel`, {});
  }

  forget(id: string): Promise<void> {
    return this._transport.send('DELETE', `jobs/${id}`);
  }

  results(query: Query): Promise<{
    prefix: string;
    notebooks: string[];
    runs: StoredRun[];
    next: string | null;
  }> {
    return this._transport.get('results', query);
  }

  result(notebook: string, run: string, prefix?: string): Promise<Result> {
    return this._transport.get(resultPath(notebook, run), { prefix });
  }

  /** Return the address of a run's sandboxed page, or of another part of its results. */
  resultUrl(
    notebook: string,
    run: string,
    prefix: string | undefined,
    part: string
  ): string {
    return this._transport.url(`${resultPath(notebook, run)}/${part}`, {
      prefix
    });
  }

  resultFile(
    notebook: string,
    run: string,
    prefix: string | undefined,
    name: string
  ): Promise<ArrayBuffer> {
    const path = `${resultPath(notebook, run)}/files/${encodeURIComponent(name)}`;
    return this._transport.bytes(path, { prefix });
  }

  space(): Promise<Space> {
    return this._transport.get('space');
  }

  freeSpace(cache: boolean): Promise<Space> {
    return this._transport.send('DELETE', `space?cache=${cache}`);
  }

  gallery(
    query: Query
  ): Promise<{ prefix: string; cards: Card[]; next: string | null }> {
    return this._transport.get('gallery', query);
  }

  publish(
    body: Publication & {
      title?: string;
      description?: string;
      allow_secrets?: boolean;
    }
  ): Promise<Card> {
    return this._transport.send('POST', 'gallery', body);
  }

  clone(
    id: string,
    folder: string
  ): Promise<{ path: string; image: string | null }> {
    return this._transport.send(
      'POST',
      `gallery/${encodeURIComponent(id)}/clone`,
      {
        folder
      }
    );
  }

  galleryUrl(id: string, part: string): string {
    return this._transport.url(`gallery/${encodeURIComponent(id)}/${part}`, {});
  }

  /** Read a job's events from the first one; returns how to stop. */
  events(id: string, listener: IListener<JobEvent>): () => void {
    return this._transport.listen(`jobs/${id}/stream`, listener);
  }
}

function resultPath(notebook: string, run: string): string {
  return `results/${encodeURIComponent(notebook)}/${encodeURIComponent(run)}`;
}
