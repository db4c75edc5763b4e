import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** What the server extension says about itself. */
export interface IHealth {
  readonly version: string;
  /** The absolute path of the folder that notebooks' paths are relative to. */
  readonly rootDir: string;
}

/** Requests to the server extension; the only place that makes any. */
export class Api {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /**
   * Return what the server extension says about itself.
   *
   * Throws `ServerConnection.ResponseError` when it is not installed or refuses, and
   * `ServerConnection.NetworkError` when the server does not answer.
   */
  async health(): Promise<IHealth> {
    const url = URLExt.join(
      this.settings.baseUrl,
      'kernel-containers/api/health'
    );
    const response = await ServerConnection.makeRequest(url, {}, this.settings);
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return (await response.json()) as IHealth;
  }
}
