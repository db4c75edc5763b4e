import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { noAnswer, notOurAnswer, refusal } from './refusals';

const ROOT = 'kernel-containers/api';
const COMPLETE = 1000; // the code of a connection that was closed in order

export type Query = Record<string, string | number | boolean | undefined>;

/** Who reads a stream. */
export interface IListener<T> {
  readonly onEvent: (event: T) => void;
  /** Whether all was read; a lost connection otherwise. */
  readonly onClosed: (complete: boolean) => void;
}

/** Requests to the server extension; the only place that makes any. */
export class Transport {
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    private readonly _trans: TranslationBundle
  ) {}

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this._request(this.url(path, query), {});
  }

  send<T>(
    method: string,
    path: string,
    body?: object,
    signal?: AbortSignal
  ): Promise<T> {
    return this._request(this.url(path, {}), {
      method,
      body: body && JSON.stringify(body),
      signal
    });
  }

  /** Return the bytes of a file. */
  async bytes(path: string, query: Query): Promise<ArrayBuffer> {
    return (await this._fetch(this.url(path, query), {})).arrayBuffer();
  }

  /** Return a resource's address; what is undefined in the query is left out. */
  url(path: string, query: Query): string {
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

  /**
   * Read the messages of a stream from the first one, until its end or a lost connection; returns
   * how to stop reading.
   */
  listen<T>(path: string, listener: IListener<T>): () => void {
    const { WebSocket, wsUrl, token, appendToken } = this._settings;
    const query = appendToken && token ? { token } : {};
    const socket = new WebSocket(
      URLExt.join(wsUrl, ROOT, path) + URLExt.objectToQueryString(query)
    );
    let stopped = false;
    socket.onmessage = message => {
      if (!stopped) {
        listener.onEvent(JSON.parse(message.data as string) as T);
      }
    };
    socket.onclose = closed => {
      if (!stopped) {
        listener.onClosed(closed.code === COMPLETE);
      }
    };
    return () => {
      stopped = true;
      socket.close(COMPLETE);
    };
  }

  private async _request<T>(url: string, init: RequestInit): Promise<T> {
    const response = await this._fetch(url, init);
    const text = await response.text();
    try {
      return (text ? JSON.parse(text) : undefined) as T;
    } catch {
      throw notOurAnswer(response.status, this._trans);
    }
  }

  private async _fetch(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw noAnswer(error, this._trans);
    }
    if (!response.ok) {
      throw refusal(response.status, await response.text(), this._trans);
    }
    return response;
  }
}
