import * as React from 'react';

import type { Job } from '../api';
import { useJob, useServices } from '../components/context';
import { ScreenDialog } from '../components/dialog';
import { JobView } from '../components/jobview';
import { Button, ErrorView } from '../components/parts';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { newToken } from '../jobs';
import type { IServices } from '../services';

/** A kernel that did not start. */
export interface IMissing {
  readonly kernel: string;
  readonly displayName: string;
  readonly image: string;
}

/** Offer to pull a kernel's image; resolves to whether it is here when the dialog was closed. */
export async function openPullKernel(
  services: IServices,
  missing: IMissing
): Promise<boolean> {
  let pulled = false;
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Image of %1', missing.displayName),
    focus: '.jp-mod-accept',
    content: close => (
      <PullKernel
        {...missing}
        close={close}
        onPulled={() => {
          pulled = true;
          close();
        }}
      />
    )
  });
  await dialog.launch();
  return pulled;
}

function PullKernel(
  props: IMissing & { close: () => void; onPulled: () => void }
): JSX.Element {
  const { jobs, trans } = useServices();
  const [job, setJob] = React.useState<Job | null>(null);
  const [error, setError] = React.useState<ApiError | null>(null);
  const start = () => {
    setError(null);
    jobs
      .start({ kind: 'pull', token: newToken(), kernel: props.kernel })
      .then(setJob, (reason: unknown) => setError(asApiError(reason)));
  };
  return (
    <div className="jp-KernelContainers-wizard">
      {job ? (
        <Pulling job={job} onPulled={props.onPulled} onOther={setJob} />
      ) : (
        <>
          <p>
            {trans.__(
              'The kernel did not start. Starting never downloads anything: if its image is not on this machine yet, it can be pulled now.'
            )}
          </p>
          <code>{props.image}</code>
        </>
      )}
      {error && <ErrorView error={error} />}
      <div className="jp-KernelContainers-nav">
        <Button label={trans.__('Close')} onClick={props.close} />
        {!job && (
          <Button
            kind="accept"
            label={trans.__('Pull and start')}
            onClick={start}
          />
        )}
      </div>
    </div>
  );
}

function Pulling(props: {
  job: Job;
  onPulled: () => void;
  onOther: (job: Job) => void;
}): JSX.Element {
  const { onPulled } = props;
  const { view } = useJob(props.job.id);
  const succeeded = view?.job.state === 'succeeded';
  React.useEffect(() => {
    if (succeeded) {
      onPulled();
    }
    // The function is a new one at each rendering.
  }, [succeeded]);
  return (
    <JobView
      key={props.job.id}
      id={props.job.id}
      onOther={other => props.onOther(other)}
    />
  );
}
