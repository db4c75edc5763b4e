import * as React from 'react';

import type { IParametersSchema, Job } from '../api';
import { useFetched, useServices } from './context';
import { Waiting } from './waiting';
import { RunForm } from './runform';

/** A run form that asks for the image's parameters first. */
export function FetchedRunForm(props: {
  image: string;
  fetch: () => Promise<IParametersSchema>;
  given?: Readonly<Record<string, unknown>>;
  onStarted: (jobs: readonly Job[]) => void;
  onCancel?: () => void;
}): JSX.Element {
  const { trans } = useServices();
  const fetched = useFetched(props.fetch, props.image);
  const { value } = fetched;
  if (!value) {
    return (
      <Waiting
        of={fetched}
        text={trans.__('Reading the parameters of the image…')}
      />
    );
  }
  return (
    <RunForm
      image={props.image}
      schema={value}
      given={props.given}
      onStarted={props.onStarted}
      onCancel={props.onCancel}
    />
  );
}
