import * as React from 'react';

import type { IFetched } from './context';
import { ErrorView } from './parts';

/** What is shown as long as something that is fetched is not there. */
export function Waiting(props: {
  of: IFetched<unknown>;
  text: string;
}): JSX.Element {
  const { error, loading, again } = props.of;
  return error ? (
    <ErrorView error={error} busy={loading} onRetry={again} />
  ) : (
    <p role="status">{props.text}</p>
  );
}
