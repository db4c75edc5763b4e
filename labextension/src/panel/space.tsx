import * as React from 'react';

import type { Space } from '../api';
import { useAction } from '../components/action';
import { Confirm } from '../components/confirm';
import { useFetched, useServices } from '../components/context';
import { ErrorView, Notice } from '../components/parts';
import { Waiting } from '../components/waiting';

/** What is used on disk, and what would go. */
export function SpaceView(): JSX.Element {
  const { api, format, trans } = useServices();
  const [round, setRound] = React.useState(0);
  const [freed, setFreed] = React.useState<Space | null>(null);
  const { busy, error: failed, act } = useAction();
  const fetched = useFetched(() => api.space(), round);
  const { value } = fetched;
  if (!value) {
    return <Waiting of={fetched} text={trans.__('Looking…')} />;
  }
  const free = (cache: boolean) =>
    act(async () => {
      setFreed(await api.freeSpace(cache));
      setRound(round + 1);
    });
  return (
    <>
      <h3 tabIndex={-1}>{trans.__('Disk space')}</h3>
      <dl className="jp-KernelContainers-facts">
        <dt>{trans.__('Images')}</dt>
        <dd>
          {format.bytes(value.images)} {trans.__('(these stay)')}
        </dd>
        <dt>{trans.__('Cache')}</dt>
        <dd>
          {format.bytes(value.cache)}{' '}
          {trans.__('(makes the next image faster)')}
        </dd>
        <dt>{trans.__('Leftovers')}</dt>
        <dd>
          {value.containers.length
            ? value.containers.join(', ')
            : trans.__('none')}
        </dd>
      </dl>
      {freed && (
        <Notice kind="success">
          {trans.__('%1 were freed.', format.bytes(freed.cache + freed.jobs))}{' '}
          {freed.containers.length > 0 &&
            trans._n(
              '%1 container was removed.',
              '%1 containers were removed.',
              freed.containers.length
            )}
        </Notice>
      )}
      {failed && <ErrorView error={failed} />}
      <div className="jp-KernelContainers-actions">
        {value.containers.length > 0 && (
          <Confirm
            label={trans.__('Remove leftovers…')}
            question={trans._n(
              'Remove %1 container that nobody owns?',
              'Remove %1 containers that nobody owns?',
              value.containers.length
            )}
            confirm={trans.__('Remove')}
            busy={busy}
            onConfirm={() => free(false)}
          />
        )}
        <Confirm
          label={
            value.containers.length > 0
              ? trans.__('Remove leftovers and the cache…')
              : trans.__('Remove the cache…')
          }
          question={trans.__(
            'Remove %1? The next image then takes longer.',
            format.bytes(value.cache)
          )}
          confirm={trans.__('Remove')}
          busy={busy}
          onConfirm={() => free(true)}
        />
      </div>
    </>
  );
}
