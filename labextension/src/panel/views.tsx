import * as React from 'react';

import { useServices } from '../components/context';
import { FetchedRunForm } from '../components/fetchedrunform';
import { JobView } from '../components/jobview';
import { Button } from '../components/parts';
import { Results } from '../components/runoutcome';
import { shortTitle } from '../components/words';
import { ImageView } from './image';
import { SpaceView } from './space';
import type { IPanel, PanelEvent, View } from './state';

interface IViewProps {
  readonly view: View;
  readonly send: (event: PanelEvent) => void;
}

/** A view over the lists, with the way back. */
export function ViewOnTop(
  props: IViewProps & { hidden: boolean }
): JSX.Element {
  const { trans } = useServices();
  const back = () => props.send({ type: 'back' });
  return (
    <div
      hidden={props.hidden}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          back();
        }
      }}
    >
      <div>
        <Button kind="minimal" label={trans.__('‹ Back')} onClick={back} />
      </div>
      <ViewBody {...props} />
    </div>
  );
}

function ViewBody(props: IViewProps): JSX.Element {
  const { view, send } = props;
  const { api, jobs, trans } = useServices();
  const show = (id: string) =>
    send({ type: 'show', view: { view: 'job', id } });
  switch (view.view) {
    case 'job': {
      const job = jobs.jobs.find(other => other.id === view.id);
      return (
        <>
          <h3 tabIndex={-1}>{job ? shortTitle(job.title) : trans.__('Job')}</h3>
          <JobView id={view.id} onOther={started => show(started.id)} />
        </>
      );
    }
    case 'run-form':
      return (
        <>
          <h3 tabIndex={-1}>{view.title}</h3>
          <FetchedRunForm
            image={view.image}
            fetch={() => api.parameters(view.image)}
            given={view.given}
            onCancel={() => send({ type: 'back' })}
            onStarted={started => {
              send({ type: 'tab', tab: 'runs' });
              if (started.length === 1) {
                show(started[0].id);
              }
            }}
          />
        </>
      );
    case 'result':
      return (
        <>
          <h3 tabIndex={-1}>
            {view.notebook} {view.run}
          </h3>
          <Results
            notebook={view.notebook}
            run={view.run}
            prefix={view.prefix}
          />
        </>
      );
    case 'image':
      return <ImageView image={view.image} send={send} />;
    case 'space':
      return <SpaceView />;
  }
}

/** Give the focus to the title of what opens, and back to what opened it. */
export function useFocus(
  { tab, views }: IPanel,
  place: React.RefObject<HTMLElement>
): void {
  const openers = React.useRef<Element[]>([]);
  const before = React.useRef(views);
  React.useLayoutEffect(() => {
    const { length } = views;
    const last = before.current.length;
    if (views === before.current) {
      return;
    }
    before.current = views;
    if (length > last && document.activeElement) {
      openers.current[last] = document.activeElement;
    }
    const opener = length < last && openers.current[length];
    const title = place.current?.querySelector(':scope > :not([hidden]) h3');
    const target =
      opener && opener.isConnected
        ? opener
        : length > 0
          ? title
          : document.getElementById(`jp-kc-tab-${tab}`);
    (target as HTMLElement | null | undefined)?.focus();
  }, [tab, views, place]);
}
