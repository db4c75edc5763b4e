import * as React from 'react';

import type { ContainerizeResult, Job } from '../api';
import { useServices } from './context';
import { FetchedRunForm } from './fetchedrunform';
import { Button, Copyable, Notice } from './parts';

/** An image that was made, and its first run. */
export function ImageDone(props: {
  result: ContainerizeResult;
  onStarted?: (job: Job) => void;
}): JSX.Element {
  const { result } = props;
  const { api, format, showPanel, trans } = useServices();
  const [running, setRunning] = React.useState(false);
  const [started, setStarted] = React.useState<readonly Job[]>([]);
  const formPlace = React.useRef<HTMLSpanElement>(null);
  const layout = result.reference.startsWith('oci:');
  return (
    <>
      <Notice kind="success">
        <strong>{trans.__('The image is ready.')}</strong>{' '}
        {result.sent
          ? trans.__(
              '%1 in %2; %3 were sent.',
              format.bytes(result.size),
              format.seconds(result.seconds),
              format.bytes(result.sent)
            )
          : trans.__(
              '%1 in %2.',
              format.bytes(result.size),
              format.seconds(result.seconds)
            )}
      </Notice>
      {result.notes?.map(note => (
        <Notice key={note} kind="info">
          {note}
        </Notice>
      ))}
      <span ref={formPlace} />
      {running ? (
        <FetchedRunForm
          image={result.reference}
          fetch={() => api.parameters(result.reference)}
          onCancel={() => setRunning(false)}
          onStarted={made => {
            setRunning(false);
            setStarted(made);
            props.onStarted?.(made[0]);
          }}
        />
      ) : (
        <div className="jp-KernelContainers-buttons">
          <Button label={trans.__('Show in Containers')} onClick={showPanel} />
          {!layout && (
            <Button
              kind="accept"
              label={trans.__('Run now')}
              onClick={() => {
                setRunning(true);
                formPlace.current?.scrollIntoView();
              }}
            />
          )}
        </div>
      )}
      <dl className="jp-KernelContainers-facts">
        <dt>{trans.__('Image')}</dt>
        <dd>
          <Copyable
            label={trans.__('Image reference')}
            text={result.reference}
          />
        </dd>
        <dt>{trans.__('Digest')}</dt>
        <dd>
          <Copyable label={trans.__('Digest')} text={result.digest} />
        </dd>
        {result.docker_run && (
          <>
            <dt>{trans.__('Command')}</dt>
            <dd>
              <Copyable
                label={trans.__('Command to run it')}
                text={result.docker_run}
              />
            </dd>
          </>
        )}
      </dl>
      {started.length > 1 && (
        <Notice kind="info">
          {trans._n(
            '%1 run was started; the panel Containers shows it.',
            '%1 runs were started; the panel Containers shows them.',
            started.length
          )}
        </Notice>
      )}
    </>
  );
}
