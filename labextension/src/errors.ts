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

/** Whether nobody answered, so that it is not known what became of a request. */
export function isOutage(error: ApiError): boolean {
  return error.status === 0 || error.status >= 502;
}
