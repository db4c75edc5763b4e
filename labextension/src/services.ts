import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';

import type { Api } from './api';
import type { Format } from './format';
import type { JobsModel } from './jobs';

/** What all screens of this extension share. */
export interface IServices {
  readonly api: Api;
  readonly jobs: JobsModel;
  readonly trans: TranslationBundle;
  readonly format: Format;
  readonly state: IStateDB | null;
  /** Open a file of the server in its own viewer, at a cell where one is given. */
  readonly openPath: (path: string, cellId?: string) => void;
  /** Show a page that a run wrote, where it can't touch Jupyter's own origin. */
  readonly openPage: (url: string, title: string) => void;
  /** Let the user choose a folder; null where they did not. */
  readonly pickFolder: (title: string) => Promise<string | null>;
  /** Return what is in a folder below the server's root, as paths; those of folders end in `/`. */
  readonly listFolder: (path: string) => Promise<readonly string[]>;
  /**
   * Return a document's path below the server's root, also where people edit it together.
   * Throws an ApiError where it is none of the server's files, such as one in a bucket.
   */
  readonly localPath: (path: string) => string;
  readonly showPanel: () => void;
  /** Open the wizard for the notebook in front, or say that there is none. */
  readonly containerize: () => void;
  readonly addKernel: () => void;
  /** Take up that the server's kernelspecs changed. */
  readonly kernelsChanged: () => void;
}

export const IServices = new Token<IServices>(
  'kernel-containers:IServices',
  'The client of the server extension kernel_containers and the jobs it runs.'
);
