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
