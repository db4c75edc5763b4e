import type { TranslationBundle } from '@jupyterlab/translation';

import type { components } from './contract';
import { ApiError } from './errors';

type ServerError = components['schemas']['Error'];

/** Return why there was no answer at all. */
export function noAnswer(error: unknown, trans: TranslationBundle): ApiError {
  return new ApiError(
    0,
    trans.__('The Jupyter server does not answer.'),
    error instanceof Error ? error.message : null,
    trans.__('Check that it runs, then try again.')
  );
}

/** Return why a page came instead of an answer, such as a proxy's form to sign in. */
export function notOurAnswer(
  status: number,
  trans: TranslationBundle
): ApiError {
  return new ApiError(
    status,
    trans.__('Something other than the Jupyter server answered.'),
    trans.__('the answer is a page, such as one that asks to sign in'),
    reload(trans)
  );
}

/** Return what an answer other than a success says. */
export function refusal(
  status: number,
  text: string,
  trans: TranslationBundle
): ApiError {
  const said = readJson(text);
  if (said?.what) {
    return new ApiError(status, said.what, said.why, said.todo, said.code);
  }
  if (status === 401 || status === 403) {
    return new ApiError(
      status,
      trans.__('The Jupyter server refused this.'),
      said?.message ??
        trans.__('you are signed out, or have no right to do this'),
      reload(trans)
    );
  }
  if (said?.message) {
    return new ApiError(status, said.message);
  }
  if (status === 404) {
    return new ApiError(
      status,
      trans.__('The server extension kernel_containers is not enabled.'),
      null,
      'jupyter server extension enable kernel_containers'
    );
  }
  return new ApiError(
    status,
    trans.__('The server answered with status %1.', status),
    null,
    status >= 500 ? trans.__('Wait a moment, then try again.') : null
  );
}

function reload(trans: TranslationBundle): string {
  return trans.__(
    'Reload this page and sign in again; what was typed in a wizard stays.'
  );
}

function readJson(
  text: string
): (Partial<ServerError> & { message?: string }) | null {
  try {
    return JSON.parse(text) as Partial<ServerError> & { message?: string };
  } catch {
    return null; // something between the browser and the server answered
  }
}
