import * as React from 'react';

import type { ContainerizeResult, Job, JobRequest, RunResult } from '../api';
import { isActive } from '../jobstate';
import { useStart } from './action';
import { useServices } from './context';
import { ImageDone } from './imagedone';
import { Button, ErrorView, Notice } from './parts';
import { RunOutcome } from './runoutcome';

/** How a job ended, with what can be done next; nothing while it goes on. */
export function JobEnd(props: {
  job: Job;
  onChange?: () => void;
  onOther?: (job: Job) => void;
}): JSX.Element | null {
  const { job } = props;
  const { trans } = useServices();
  const { busy, error, start } = useStart(made => props.onOther?.(made));
  if (isActive(job)) {
    return null;
  }
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
      {job.error && !isSaid(job) && <ErrorView error={job.error} />}
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
          <Button
            kind="accept"
            label={trans.__('Try again')}
            busy={busy}
            onClick={() => start(job.request as unknown as JobRequest)}
          />
        </div>
      )}
    </>
  );
}

/** Whether the end is told by something else than the error. */
function isSaid(job: Job): boolean {
  return job.state === 'lost' || (job.kind === 'run' && job.result !== null);
}
