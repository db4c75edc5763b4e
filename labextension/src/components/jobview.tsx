import * as React from 'react';

import type {
  ContainerizeResult,
  IParametersSchema,
  Job,
  JobRequest,
  RunResult,
  Stage
} from '../api';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { formatBytes, formatSeconds } from '../format';
import { newToken } from '../jobs';
import { isActive } from '../jobstate';
import { useFetched, useJob, useServices } from './context';
import { Bar, Button, Copyable, ErrorView, Fold, Notice } from './parts';
import { RunForm } from './runform';
import { RunOutcome } from './runoutcome';
import { stageWord, stateMark, stateWord } from './words';

/** One job as it goes on, with what can be done about it. */
export function JobView(props: {
  id: string;
  /** What else can be done when it failed or was stopped. */
  onChange?: () => void;
  onOther?: (job: Job) => void;
}): JSX.Element {
  const { trans } = useServices();
  const { view, error } = useJob(props.id);
  if (error) {
    return <ErrorView error={error} />;
  }
  if (!view) {
    return <p role="status">{trans.__('Asking the server…')}</p>;
  }
  const { job, log } = view;
  return (
    <div
      className="jp-KernelContainers-job"
      data-state={job.state}
      data-job={job.id}
    >
      <JobStatus job={job} />
      {job.stages.length > 0 && <Stages stages={job.stages} />}
      {job.cell && job.kind === 'run' && <CellLine job={job} />}
      <JobEnd job={job} onChange={props.onChange} onOther={props.onOther} />
      {log.length > 0 && <Log lines={log} open={job.kind === 'run'} />}
    </div>
  );
}

function JobStatus({ job }: { job: Job }): JSX.Element {
  const { jobs, trans } = useServices();
  const [error, setError] = React.useState<ApiError | null>(null);
  const active = isActive(job);
  const percent =
    job.fraction === null || (job.kind === 'run' && !job.cell)
      ? ''
      : ` ${Math.floor(job.fraction * 100)} %`;
  const waiting =
    job.state === 'queued' && job.position !== null
      ? ` ${trans._n('%1 job before it', '%1 jobs before it', job.position)}`
      : '';
  return (
    <>
      <div className="jp-KernelContainers-status">
        <span role="status">
          <span className={`jp-KernelContainers-state jp-mod-${job.state}`}>
            <span aria-hidden>{stateMark(job.state)}</span>{' '}
            {stateWord(job.state, trans)}
          </span>
          {active ? percent : ''}
          {waiting}
        </span>
        {active && (
          <Button
            kind="warn"
            label={trans.__('Stop')}
            reason={
              job.state === 'cancelling'
                ? trans.__('It is stopping already.')
                : null
            }
            onClick={() => {
              jobs
                .cancel(job.id)
                .catch((reason: unknown) => setError(asApiError(reason)));
            }}
          />
        )}
      </div>
      {active && (
        <Bar
          label={trans.__('Progress')}
          fraction={job.state === 'queued' ? 0 : job.fraction}
        />
      )}
      {error && <ErrorView error={error} />}
    </>
  );
}

function Stages({ stages }: { stages: readonly Stage[] }): JSX.Element {
  const { trans } = useServices();
  return (
    <ul className="jp-KernelContainers-stages" aria-label={trans.__('Stages')}>
      {stages.map(stage => (
        <li key={stage.name} data-stage={stage.name} data-ended={stage.ended}>
          <span aria-hidden className="jp-KernelContainers-stageMark">
            {stage.ended ? '✓' : '▸'}
          </span>
          <span className="jp-KernelContainers-stageName">
            {stageWord(stage.name, trans)}
          </span>
          <span className="jp-KernelContainers-stageMessage">
            {stage.message}
          </span>
          <span className="jp-KernelContainers-stageCount">
            {countOf(stage)}
          </span>
          <span className="jp-KernelContainers-stageTime">
            {formatSeconds(stage.seconds)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function countOf({ done, total, unit }: Stage): string {
  const show = (count: number) =>
    unit === 'bytes' ? formatBytes(count) : String(count);
  if (total) {
    return `${show(done)} / ${show(total)}`;
  }
  return done ? show(done) : '';
}

function CellLine({ job }: { job: Job }): JSX.Element | null {
  const { trans } = useServices();
  const cell = job.cell;
  if (!cell) {
    return null;
  }
  const place = trans.__('Cell %1 of %2', cell.number, cell.count);
  return (
    <div className="jp-KernelContainers-cell">
      <span data-cell={cell.number}>{place}</span>
      <Bar label={place} fraction={cell.number / Math.max(1, cell.count)} />
      {cell.error && (
        <pre className="jp-KernelContainers-cellError">{cell.error}</pre>
      )}
    </div>
  );
}

function Log(props: { lines: readonly string[]; open: boolean }): JSX.Element {
  const { trans } = useServices();
  const box = React.useRef<HTMLPreElement>(null);
  const follows = React.useRef(true);
  React.useEffect(() => {
    if (box.current && follows.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [props.lines]);
  return (
    <Fold title={trans.__('Log')} open={props.open}>
      <pre
        ref={box}
        className="jp-KernelContainers-log"
        tabIndex={0}
        aria-label={trans.__('Log')}
        onScroll={event => {
          const node = event.currentTarget;
          follows.current =
            node.scrollHeight - node.scrollTop - node.clientHeight < 20;
        }}
      >
        {props.lines.join('')}
      </pre>
    </Fold>
  );
}

function JobEnd(props: {
  job: Job;
  onChange?: () => void;
  onOther?: (job: Job) => void;
}): JSX.Element | null {
  const { job } = props;
  const { jobs, trans } = useServices();
  const [error, setError] = React.useState<ApiError | null>(null);
  if (isActive(job)) {
    return null;
  }
  const again = () => {
    const request = {
      ...(job.request as unknown as JobRequest),
      token: newToken()
    };
    jobs
      .start(request)
      .then(started => props.onOther?.(started))
      .catch((reason: unknown) => setError(asApiError(reason)));
  };
  return (
    <>
      {job.state === 'cancelled' && (
        <Notice kind="info">
          {trans.__('It was stopped.')} {job.cleaned}
        </Notice>
      )}
      {job.state === 'lost' && (
        <Notice kind="warning">
          {trans.__(
            'The server ended while this went on, so how it went is not known.'
          )}
        </Notice>
      )}
      {job.error && !(job.kind === 'run' && job.result) && (
        <ErrorView error={job.error} />
      )}
      {job.kind === 'containerize' && job.result && (
        <ImageDone
          result={job.result as ContainerizeResult}
          onStarted={props.onOther}
        />
      )}
      {job.kind === 'run' && job.result && (
        <RunOutcome job={job} result={job.result as RunResult} />
      )}
      {job.kind === 'add-kernel' && job.state === 'succeeded' && (
        <Notice kind="success">
          {trans.__('The kernel is in the launcher and the kernel menus.')}
        </Notice>
      )}
      {error && <ErrorView error={error} />}
      {job.state !== 'succeeded' && job.kind !== 'run' && props.onOther && (
        <div className="jp-KernelContainers-buttons">
          {props.onChange && (
            <Button
              label={trans.__('Change something')}
              onClick={props.onChange}
            />
          )}
          <Button kind="accept" label={trans.__('Try again')} onClick={again} />
        </div>
      )}
    </>
  );
}

function ImageDone(props: {
  result: ContainerizeResult;
  onStarted?: (job: Job) => void;
}): JSX.Element {
  const { result } = props;
  const { api, showPanel, trans } = useServices();
  const [running, setRunning] = React.useState(false);
  const [started, setStarted] = React.useState<readonly Job[]>([]);
  const layout = result.reference.startsWith('oci:');
  return (
    <>
      <Notice kind="success">
        <strong>{trans.__('The image is ready.')}</strong>{' '}
        {trans.__(
          '%1 in %2; %3 were sent.',
          formatBytes(result.size),
          formatSeconds(result.seconds),
          formatBytes(result.sent)
        )}
      </Notice>
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
              onClick={() => setRunning(true)}
            />
          )}
        </div>
      )}
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

/** A run form that asks for the image's parameters first. */
export function FetchedRunForm(props: {
  image: string;
  fetch: () => Promise<IParametersSchema>;
  given?: Readonly<Record<string, unknown>>;
  onStarted: (jobs: readonly Job[]) => void;
  onCancel?: () => void;
}): JSX.Element {
  const { trans } = useServices();
  const { value, error, again } = useFetched(props.fetch, props.image);
  if (error) {
    return <ErrorView error={error} onRetry={again} />;
  }
  if (!value) {
    return (
      <p role="status">{trans.__('Reading the parameters of the image…')}</p>
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
