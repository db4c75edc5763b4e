import { Drive } from '@jupyterlab/services';
import type { Contents, ServerConnection } from '@jupyterlab/services';

import type { Api } from './api';

const NAME = 'Results';

/** Return the path by which Jupyter's own viewers open a file of a run, wherever it lies. */
export function resultPath(
  notebook: string,
  run: string,
  prefix: string | undefined,
  file: string
): string {
  const parts = [prefix ?? '', notebook, run, file].map(encodeURIComponent);
  return `${NAME}:${parts.join('/')}`;
}

/** The files of runs, to look at: those in a bucket have no path below the server's root. */
export class ResultsDrive extends Drive {
  constructor(
    private readonly _api: Api,
    serverSettings: ServerConnection.ISettings
  ) {
    super({ name: NAME, serverSettings });
  }

  async get(
    path: string,
    options?: Contents.IFetchOptions
  ): Promise<Contents.IModel> {
    const [prefix, notebook, run, name] = keyOf(path);
    const data = await this._api.resultFile(notebook, run, prefix, name);
    const now = new Date().toISOString();
    return {
      name,
      path,
      created: now,
      last_modified: now,
      writable: false,
      ...contentOf(name, data, options?.format)
    };
  }

  getDownloadUrl(path: string): Promise<string> {
    const [prefix, notebook, run, name] = keyOf(path);
    const part = `files/${encodeURIComponent(name)}`;
    return Promise.resolve(this._api.resultUrl(notebook, run, prefix, part));
  }

  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([]);
  }

  newUntitled(): Promise<never> {
    return refuse();
  }

  delete(): Promise<never> {
    return refuse();
  }

  rename(): Promise<never> {
    return refuse();
  }

  save(): Promise<never> {
    return refuse();
  }

  copy(): Promise<never> {
    return refuse();
  }

  createCheckpoint(): Promise<never> {
    return refuse();
  }

  restoreCheckpoint(): Promise<never> {
    return refuse();
  }

  deleteCheckpoint(): Promise<never> {
    return refuse();
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('The results of a run are not changed.'));
}

function keyOf(path: string): [string | undefined, string, string, string] {
  const [prefix, notebook, run, name] = path.split('/').map(decodeURIComponent);
  return [prefix || undefined, notebook, run, name];
}

type Content = Pick<
  Contents.IModel,
  'type' | 'format' | 'content' | 'mimetype'
>;

/** Return a file's content as Jupyter's contents have it: a notebook, a text, or base64. */
export function contentOf(
  name: string,
  data: ArrayBuffer,
  format?: Contents.FileFormat
): Content {
  if (format !== 'base64') {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
      return name.endsWith('.ipynb')
        ? {
            type: 'notebook',
            format: 'json',
            mimetype: '',
            content: asServed(JSON.parse(text) as { cells?: ICell[] })
          }
        : {
            type: 'file',
            format: 'text',
            mimetype: 'text/plain',
            content: text
          };
    } catch {
      // Neither a notebook nor a text.
    }
  }
  const bytes = Array.from(new Uint8Array(data), byte =>
    String.fromCharCode(byte)
  );
  return {
    type: 'file',
    format: 'base64',
    mimetype: 'application/octet-stream',
    content: btoa(bytes.join(''))
  };
}

type Lines = string | string[];

interface ICell {
  source?: Lines;
  readonly metadata?: { trusted?: boolean };
  readonly outputs?: { text?: Lines; data?: Record<string, unknown> }[];
}

/**
 * Do what Jupyter's own server does with a file: join lines, and let no notebook say itself that
 * it is trusted.
 */
function asServed(notebook: { readonly cells?: ICell[] }): object {
  notebook.cells?.forEach(cell => {
    delete cell.metadata?.trusted;
    cell.source = joined(cell.source ?? '');
    cell.outputs?.forEach(output => {
      if (output.text !== undefined) {
        output.text = joined(output.text);
      }
      for (const [type, value] of Object.entries(output.data ?? {})) {
        if (Array.isArray(value) && !type.endsWith('json')) {
          output.data![type] = value.join('');
        }
      }
    });
  });
  return notebook;
}

function joined(lines: Lines): string {
  return typeof lines === 'string' ? lines : lines.join('');
}
