import * as React from 'react';

import type { Publication } from '../api';
import type { IServices } from '../services';
import { useAction } from './action';
import { useServices } from './context';
import { ScreenDialog } from './dialog';
import { Button, ErrorView, Field, Notice } from './parts';

/** Ask for a title, and put a run or a notebook into the gallery. */
export function PublishForm(props: {
  publication: Publication;
  name: string; // stands for the title where there is none
  onClose?: () => void;
}): JSX.Element {
  const { api, trans } = useServices();
  const id = React.useId();
  const [title, setTitle] = React.useState('');
  const [description, setDescription] = React.useState('');
  const [done, setDone] = React.useState(false);
  const { busy, error, act } = useAction();
  // Likely secrets are refused, unless the user has read where they are.
  const refused = error?.code === 'refused' && 'path' in props.publication;
  const publish = async () => {
    await api.publish({
      ...props.publication,
      ...(title.trim() ? { title: title.trim() } : {}),
      ...(description.trim() ? { description: description.trim() } : {}),
      ...(refused ? { allow_secrets: true } : {})
    });
    setDone(true);
  };
  const close = props.onClose && (
    <Button label={trans.__('Close')} onClick={props.onClose} />
  );
  if (done) {
    return (
      <>
        <Notice kind="success">{trans.__('It is in the gallery.')}</Notice>
        {close && <div className="jp-KernelContainers-buttons">{close}</div>}
      </>
    );
  }
  return (
    <>
      <Field
        id={`${id}-title`}
        label={trans.__('Title')}
        hint={trans.__('Others find the page and the notebook in the gallery.')}
      >
        {described => (
          <input
            {...described}
            className="jp-mod-styled"
            maxLength={200}
            value={title}
            placeholder={props.name}
            onChange={event => setTitle(event.target.value)}
          />
        )}
      </Field>
      <Field
        id={`${id}-description`}
        label={trans.__('Description')}
        hint={trans.__(
          'The last plot is its picture, or that of the cell tagged “showcase”.'
        )}
      >
        {described => (
          <textarea
            {...described}
            className="jp-mod-styled"
            maxLength={2000}
            rows={2}
            value={description}
            onChange={event => setDescription(event.target.value)}
          />
        )}
      </Field>
      {error && <ErrorView error={error} />}
      <div className="jp-KernelContainers-buttons">
        {close}
        <Button
          kind={refused ? 'warn' : 'accept'}
          label={
            refused
              ? trans.__('None of these is a secret: publish')
              : trans.__('Publish')
          }
          busy={busy}
          onClick={() => act(publish)}
        />
      </div>
    </>
  );
}

/** Open a dialog that publishes a notebook with the outputs it has. */
export async function openPublish(
  services: IServices,
  path: string
): Promise<void> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Publish %1', name),
    focus: 'input',
    content: close => (
      <div className="jp-KernelContainers-wizard jp-mod-small">
        <PublishForm publication={{ path }} name={name} onClose={close} />
      </div>
    )
  });
  await dialog.launch();
}
