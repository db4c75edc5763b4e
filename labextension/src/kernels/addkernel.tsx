import * as React from 'react';

import type { Job } from '../api';
import { useStart } from '../components/action';
import { useJob, useServices } from '../components/context';
import { ScreenDialog } from '../components/dialog';
import { JobView } from '../components/jobview';
import { Button, ErrorView, Field, Fold } from '../components/parts';
import type { IServices } from '../services';
import { KernelSource, TextField } from './kernelfields';
import { EMPTY_KERNEL, kernelProblems, kernelRequest } from './kernelrequest';
import type { IKernelForm } from './kernelrequest';

/** Open the form for a new containerized kernel; resolves when it is closed. */
export async function openAddKernel(services: IServices): Promise<void> {
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Add Containerized Kernel'),
    focus: 'input[name="jp-kc-source"]',
    content: close => <AddKernel close={close} />
  });
  await dialog.launch();
}

function AddKernel({ close }: { close: () => void }): JSX.Element {
  const { trans } = useServices();
  const [form, setForm] = React.useState(EMPTY_KERNEL);
  const [shown, setShown] = React.useState(false);
  const [job, setJob] = React.useState<Job | null>(null);
  const { busy, error, start } = useStart(setJob);
  const problems = kernelProblems(form, trans);
  const change = (changed: Partial<IKernelForm>) =>
    setForm({ ...form, ...changed });

  if (job) {
    return (
      <div className="jp-KernelContainers-wizard">
        <KernelJob
          job={job}
          onChange={() => setJob(null)}
          onOther={other => setJob(other)}
        />
        <div className="jp-KernelContainers-nav">
          <Button label={trans.__('Close')} onClick={close} />
        </div>
      </div>
    );
  }
  const shownProblems = shown ? problems : {};
  return (
    <form
      className="jp-KernelContainers-wizard"
      onSubmit={event => {
        event.preventDefault();
        setShown(true);
        if (Object.keys(problems).length === 0) {
          start(kernelRequest(form));
        }
      }}
    >
      <KernelSource form={form} problems={shownProblems} change={change} />
      <div className="jp-KernelContainers-columns">
        <TextField
          field="name"
          label={trans.__('Name')}
          form={form}
          problems={shownProblems}
          change={change}
        />
        <TextField
          field="displayName"
          label={trans.__('Shown as')}
          form={form}
          problems={shownProblems}
          change={change}
        />
      </div>
      <Fold title={trans.__('Limits, network and folders')} open>
        <div className="jp-KernelContainers-columns">
          <TextField
            field="memory"
            label={trans.__('Memory')}
            hint={trans.__('Such as 4g; empty for no limit')}
            form={form}
            problems={shownProblems}
            change={change}
          />
          <TextField
            field="cpus"
            label={trans.__('Processors')}
            hint={trans.__('Such as 1.5')}
            form={form}
            problems={shownProblems}
            change={change}
          />
          <TextField
            field="gpus"
            label={trans.__('GPUs')}
            hint={trans.__('“all”, a number or ids')}
            form={form}
            problems={shownProblems}
            change={change}
          />
          <TextField
            field="network"
            label={trans.__('Network')}
            hint={trans.__('“none” for no network')}
            form={form}
            problems={shownProblems}
            change={change}
          />
        </div>
        <Field
          id="jp-kc-mounts"
          label={trans.__('Further folders')}
          hint={trans.__(
            'One per line: source, source:target or source:target:ro'
          )}
        >
          {described => (
            <textarea
              {...described}
              className="jp-mod-styled"
              rows={2}
              value={form.mounts}
              onChange={event => change({ mounts: event.target.value })}
            />
          )}
        </Field>
      </Fold>
      {error && <ErrorView error={error} />}
      <div className="jp-KernelContainers-nav">
        <Button label={trans.__('Cancel')} onClick={close} />
        <Button kind="accept" label={trans.__('Add kernel')} busy={busy} />
      </div>
    </form>
  );
}

function KernelJob(props: {
  job: Job;
  onChange: () => void;
  onOther: (job: Job) => void;
}): JSX.Element {
  const { kernelsChanged } = useServices();
  const { view } = useJob(props.job.id);
  const succeeded = view?.job.state === 'succeeded';
  React.useEffect(() => {
    if (succeeded) {
      kernelsChanged();
    }
  }, [succeeded, kernelsChanged]);
  return (
    <JobView
      key={props.job.id}
      id={props.job.id}
      onChange={props.onChange}
      onOther={props.onOther}
    />
  );
}
