import { ReactWidget } from '@jupyterlab/ui-components';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ServicesContext, useServices } from '../components/context';
import { Bar, Button, ErrorView, StateMark } from '../components/parts';
import { shortTitle, stateWord } from '../components/words';
import type { IServices } from '../services';
import { GalleryTab } from './gallery';
import { ImagesTab } from './images';
import { ResultsTab } from './results';
import { RunsTab } from './runs';
import { START, TABS, nextPanel } from './state';
import type { IPanelProps, PanelEvent, Tab } from './state';
import { ViewOnTop, useFocus } from './views';

const MOST_ACTIVE = 4; // jobs shown above the lists

/** Jobs, images, runs and results. */
export class PanelContent extends ReactWidget {
  constructor(private readonly _services: IServices) {
    super();
    this.addClass('jp-KernelContainers-panelContent');
  }

  protected render(): JSX.Element {
    return (
      <ServicesContext.Provider value={this._services}>
        <UseSignal signal={this._services.jobs.changed}>
          {() => <Panel />}
        </UseSignal>
      </ServicesContext.Provider>
    );
  }
}

function Panel(): JSX.Element {
  const [panel, send] = React.useReducer(nextPanel, START);
  const { jobs, trans } = useServices();
  const place = React.useRef<HTMLDivElement>(null);
  useFocus(panel, place);
  return (
    <>
      <div className="jp-KernelContainers-panelHead">
        <h2>{trans.__('Containers')}</h2>
        <Button
          kind="minimal"
          label={trans.__('Free space…')}
          onClick={() => send({ type: 'show', view: { view: 'space' } })}
        />
      </div>
      {jobs.error && (
        <ErrorView error={jobs.error} onRetry={() => void jobs.refresh()} />
      )}
      {/* What lies below is hidden, and as it was when one comes back. */}
      <div ref={place} className="jp-KernelContainers-views">
        <div hidden={panel.views.length > 0}>
          <ActiveJobs tab={panel.tab} send={send} />
          <TabBar tab={panel.tab} send={send} />
          <div
            role="tabpanel"
            id="jp-kc-tabpanel"
            aria-labelledby={`jp-kc-tab-${panel.tab}`}
          >
            <TabBody panel={panel} send={send} />
          </div>
        </div>
        {panel.views.map((view, index) => (
          <ViewOnTop
            key={`${index} ${JSON.stringify(view)}`}
            view={view}
            hidden={index < panel.views.length - 1}
            send={send}
          />
        ))}
      </div>
    </>
  );
}

function TabBody(props: IPanelProps): JSX.Element {
  switch (props.panel.tab) {
    case 'images':
      return <ImagesTab {...props} />;
    case 'runs':
      return <RunsTab {...props} />;
    case 'results':
      return <ResultsTab {...props} />;
    case 'gallery':
      return <GalleryTab {...props} />;
  }
}

/** Jobs that go on and are not in the list below. */
function ActiveJobs(props: {
  tab: Tab;
  send: (event: PanelEvent) => void;
}): JSX.Element | null {
  const { jobs, trans } = useServices();
  const active = jobs.active.filter(
    job => job.kind !== 'run' || props.tab !== 'runs'
  );
  if (active.length === 0) {
    return null;
  }
  const shown = active.slice(0, MOST_ACTIVE);
  return (
    <section aria-label={trans.__('In progress')}>
      <h3>{trans.__('In progress')}</h3>
      <ul className="jp-KernelContainers-list">
        {shown.map(job => (
          <li key={job.id} data-job={job.id} data-state={job.state}>
            <button
              type="button"
              className="jp-KernelContainers-row"
              onClick={() =>
                props.send({ type: 'show', view: { view: 'job', id: job.id } })
              }
            >
              <StateMark state={job.state} />
              <span className="jp-KernelContainers-rowTitle">
                {shortTitle(job.title)}
              </span>
              <span className="jp-KernelContainers-hint">
                {stateWord(job.state, trans)}
              </span>
            </button>
            <Bar label={job.title} fraction={job.fraction ?? 0} />
          </li>
        ))}
      </ul>
      {active.length > shown.length && (
        <p className="jp-KernelContainers-hint">
          {trans._n('and %1 more', 'and %1 more', active.length - shown.length)}
        </p>
      )}
    </section>
  );
}

function TabBar(props: {
  tab: Tab;
  send: (event: PanelEvent) => void;
}): JSX.Element {
  const { trans } = useServices();
  const words: Record<Tab, string> = {
    images: trans.__('Images'),
    runs: trans.__('Runs'),
    results: trans.__('Results'),
    gallery: trans.__('Gallery')
  };
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: TABS.length - 1 }[event.key];
    if (step) {
      const tab = TABS[(TABS.indexOf(props.tab) + step) % TABS.length];
      props.send({ type: 'tab', tab });
      document.getElementById(`jp-kc-tab-${tab}`)?.focus();
    }
  };
  return (
    <div
      role="tablist"
      aria-label={trans.__('Containers')}
      className="jp-KernelContainers-tabs"
    >
      {TABS.map(tab => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`jp-kc-tab-${tab}`}
          aria-selected={tab === props.tab}
          aria-controls={tab === props.tab ? 'jp-kc-tabpanel' : undefined}
          tabIndex={tab === props.tab ? 0 : -1}
          onKeyDown={move}
          onClick={() => props.send({ type: 'tab', tab })}
        >
          {words[tab]}
        </button>
      ))}
    </div>
  );
}
