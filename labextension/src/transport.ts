import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { noAnswer, notOurAnswer, refusal } from './refusals';

const ROOT = 'kernel-containers/api';
const LONGEST_WAIT = 10_000; // ms between two attempts to reconnect

export type Query = Record<string, string | number | boolean | undefined>;

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
   * Follow the events of a stream after number `after`; reconnects until it has ended.
   * Returns how to stop following.
   */
  follow<T extends { readonly seq: number }>(
    path: string,
    after: number,
    onEvent: (event: T) => void
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
        URLExt.join(wsUrl, ROOT, path) + URLExt.objectToQueryString(query)
      );
      socket.onmessage = message => {
        const event = JSON.parse(message.data as string) as T;
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
