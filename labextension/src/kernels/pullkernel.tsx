import * as React from 'react';

import type { Job } from '../api';
import { useStart } from '../components/action';
import { useJob, useServices } from '../components/context';
import { ScreenDialog } from '../components/dialog';
import { JobView } from '../components/jobview';
import { Button, ErrorView } from '../components/parts';
import type { IServices } from '../services';

/** A kernel that did not start. */
export interface IMissing {
  readonly kernel: string;
  readonly displayName: string;
}

/** Pull a kernel's image; resolves to whether it is here when the dialog was closed. */
export async function pullKernel(
  services: IServices,
  missing: IMissing
): Promise<boolean> {
  let pulled = false;
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Image of %1', missing.displayName),
    focus: '.jp-KernelContainers-nav button',
    content: close => (
      <PullKernel
        kernel={missing.kernel}
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

function PullKernel(props: {
  kernel: string;
  close: () => void;
  onPulled: () => void;
}): JSX.Element {
  const { kernel, close, onPulled } = props;
  const { trans } = useServices();
  const [job, setJob] = React.useState<Job | null>(null);
  const { error, start } = useStart(setJob);
  const pull = () => start({ kind: 'pull', kernel });
  React.useEffect(pull, [kernel]);
  return (
    <div className="jp-KernelContainers-wizard">
      {job && <Pulling job={job} onPulled={onPulled} onOther={setJob} />}
      {error && <ErrorView error={error} onRetry={pull} />}
      <div className="jp-KernelContainers-nav">
        <span className="jp-KernelContainers-hint">
          {trans.__('The kernel starts when its image is here.')}
        </span>
        <Button label={trans.__('Close')} onClick={close} />
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
