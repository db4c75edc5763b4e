import * as React from 'react';

import type { Publication } from '../api';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import type { IServices } from '../services';
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
  const [state, setState] = React.useState<'asking' | 'busy' | 'done'>(
    'asking'
  );
  const [error, setError] = React.useState<ApiError | null>(null);
  // Likely secrets are refused, unless the user has read where they are.
  const refused = error?.code === 'refused' && 'path' in props.publication;
  const publish = () => {
    setState('busy');
    setError(null);
    const words = {
      ...(title.trim() ? { title: title.trim() } : {}),
      ...(description.trim() ? { description: description.trim() } : {})
    };
    api
      .publish({
        ...props.publication,
        ...words,
        ...(refused ? { allow_secrets: true } : {})
      })
      .then(
        () => setState('done'),
        (reason: unknown) => {
          setError(asApiError(reason));
          setState('asking');
        }
      );
  };
  const close = props.onClose && (
    <Button label={trans.__('Close')} onClick={props.onClose} />
  );
  if (state === 'done') {
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
          reason={state === 'busy' ? trans.__('It is being published.') : null}
          onClick={publish}
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
