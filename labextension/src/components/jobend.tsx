import * as React from 'react';

import type { ContainerizeResult, Job, JobRequest, RunResult } from '../api';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { newToken } from '../jobs';
import { isActive } from '../jobstate';
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
