import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

import type { Job } from '../api';
import { isActive } from '../jobstate';
import { useAction } from './action';
import { useJob, useServices } from './context';
import { JobEnd } from './jobend';
import { Bar, Button, ErrorView, Fold, StateMark } from './parts';
import { CellLine, Stages } from './stages';
import { stateWord } from './words';

/** One job as it goes on, with what can be done about it. */
export function JobView(props: {
  id: string;
  /** Without stages and log. */
  brief?: boolean;
  /** What else can be done when it failed or was stopped. */
  onChange?: () => void;
  onOther?: (job: Job) => void;
}): JSX.Element {
  const { trans } = useServices();
  const { view, error } = useJob(props.id);
  if (!view) {
    return error ? (
      <ErrorView error={error} />
    ) : (
      <p role="status">{trans.__('Asking the server…')}</p>
    );
  }
  const { job, log } = view;
  return (
    <div
      className="jp-KernelContainers-job"
      data-state={job.state}
      data-job={job.id}
    >
      {error && <ErrorView error={error} />}
      <JobStatus job={job} />
      {job.stages.length > 0 && !props.brief && <Stages job={job} />}
      {job.cell && job.kind === 'run' && <CellLine job={job} />}
      <JobEnd job={job} onChange={props.onChange} onOther={props.onOther} />
      {log.length > 0 && !props.brief && (
        <Log
          key={job.state === 'failed' ? 'failed' : 'going'}
          lines={log}
          open={job.kind === 'run' || job.state === 'failed'}
        />
      )}
    </div>
  );
}

function JobStatus({ job }: { job: Job }): JSX.Element {
  const { format, jobs, trans } = useServices();
  const { busy, error, act } = useAction();
  const active = isActive(job);
  const percent =
    job.fraction === null || (job.kind === 'run' && !job.cell)
      ? ''
      : ` ${format.percent(job.fraction)}`;
  const waiting =
    job.state === 'queued' && job.position !== null
      ? ` ${trans._n('%1 job before it', '%1 jobs before it', job.position)}`
      : '';
  return (
    <>
      <div className="jp-KernelContainers-status">
        <span role="status">
          <span className="jp-KernelContainers-state">
            <StateMark state={job.state} /> {stateWord(job.state, trans)}
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
            busy={busy}
            onClick={() => act(() => jobs.cancel(job.id))}
          />
        )}
      </div>
      {active && !(job.kind === 'run' && job.cell) && (
        <Bar
          label={trans.__('Progress')}
          fraction={job.state === 'queued' ? 0 : job.fraction}
        />
      )}
      {error && <ErrorView error={error} />}
    </>
  );
}

function Log(props: { lines: readonly string[]; open: boolean }): JSX.Element {
  const { trans } = useServices();
  const [copied, setCopied] = React.useState(false);
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
      <div className="jp-KernelContainers-buttons">
        <Button
          kind="minimal"
          label={copied ? trans.__('Copied') : trans.__('Copy the log')}
          onClick={() => {
            Clipboard.copyToSystem(props.lines.join(''));
            setCopied(true);
          }}
        />
      </div>
    </Fold>
  );
}
