import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Job, RunResult } from '../api';
import { useAction } from '../components/action';
import { Confirm } from '../components/confirm';
import { useServices } from '../components/context';
import { Button, ErrorView, StateMark, Values } from '../components/parts';
import { shortTitle, stateWord } from '../components/words';
import { isActive } from '../jobstate';
import { openCompare } from './compare';
import type { IPanelProps } from './state';
import { ORDERS, inOrder, matching, secondsOf } from './state';
import type { IRunKey, Order } from './state';

const PAGE = 50; // rows shown at once

/** Runs that were started here. */
export function RunsTab({ panel, send }: IPanelProps): JSX.Element {
  const services = useServices();
  const { jobs, trans } = services;
  const [shown, setShown] = React.useState(PAGE);
  const all = jobs.jobs.filter(job => job.kind === 'run');
  const found = inOrder(matching(all, panel.filter), panel.order);
  const keys = panel.picked
    .map(id => runKey(all.find(job => job.id === id)))
    .filter((key): key is IRunKey => key !== null);
  const orders: Record<Order, string> = {
    newest: trans.__('Newest first'),
    oldest: trans.__('Oldest first'),
    name: trans.__('By name'),
    longest: trans.__('Longest first'),
    state: trans.__('By state')
  };
  const wantsAll = panel.filter !== '' || panel.order !== 'newest';
  React.useEffect(() => {
    if (wantsAll && jobs.hasMore) {
      void jobs.more();
    }
  }, [wantsAll, jobs.hasMore]);
  if (!jobs.isReady) {
    return <p role="status">{trans.__('Asking the server…')}</p>;
  }
  if (all.length === 0) {
    return (
      <>
        <p className="jp-KernelContainers-empty">
          {trans.__('Nothing was run yet. Choose Run beside an image:')}
        </p>
        <div className="jp-KernelContainers-buttons">
          <Button
            kind="accept"
            label={trans.__('Show the images')}
            onClick={() => send({ type: 'tab', tab: 'images' })}
          />
        </div>
      </>
    );
  }
  return (
    <>
      <div className="jp-KernelContainers-tools">
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Filter by name, state or value')}
          aria-label={trans.__('Filter runs')}
          value={panel.filter}
          onChange={event => send({ type: 'filter', text: event.target.value })}
        />
        <HTMLSelect
          aria-label={trans.__('Order')}
          value={panel.order}
          onChange={event =>
            send({ type: 'order', order: event.target.value as Order })
          }
          options={ORDERS.map(value => ({ value, label: orders[value] }))}
        />
        <Button
          label={trans.__('Compare')}
          reason={
            keys.length < 2
              ? trans.__('Choose two or more runs that have ended.')
              : null
          }
          onClick={() => void openCompare(services, keys)}
        />
      </div>
      <ul className="jp-KernelContainers-list" aria-label={trans.__('Runs')}>
        {found.slice(0, shown).map(job => (
          <RunRow key={job.id} job={job} panel={panel} send={send} />
        ))}
      </ul>
      {found.length === 0 && (
        <p className="jp-KernelContainers-empty">
          {trans.__('No run matches “%1”.', panel.filter)}
        </p>
      )}
      {(found.length > shown || jobs.hasMore) && (
        <Button
          label={trans.__('Show more')}
          onClick={() => {
            setShown(shown + PAGE);
            if (jobs.hasMore) {
              void jobs.more();
            }
          }}
        />
      )}
    </>
  );
}

function runKey(job: Job | undefined): IRunKey | null {
  const result = job?.result as RunResult | null | undefined;
  return result?.notebook
    ? {
        notebook: result.notebook,
        run: result.run_id,
        prefix: result.prefix
      }
    : null;
}

function RunRow({ job, panel, send }: IPanelProps & { job: Job }): JSX.Element {
  const { format, jobs, trans } = useServices();
  const { busy, error, act } = useAction();
  const ended = !isActive(job);
  const seconds = secondsOf(job);
  const facts = [
    stateWord(job.state, trans),
    job.cell && !ended
      ? trans.__('cell %1 of %2', job.cell.number, job.cell.count)
      : '',
    format.age(job.created),
    seconds === null ? '' : format.seconds(seconds)
  ];
  return (
    <li data-job={job.id} data-state={job.state}>
      <div className="jp-KernelContainers-pickRow">
        <input
          type="checkbox"
          aria-label={trans.__('Compare %1', job.title)}
          checked={panel.picked.includes(job.id)}
          disabled={runKey(job) === null}
          onChange={event =>
            send({ type: 'pick', id: job.id, picked: event.target.checked })
          }
        />
        <button
          type="button"
          className="jp-KernelContainers-row"
          onClick={() =>
            send({ type: 'show', view: { view: 'job', id: job.id } })
          }
        >
          <StateMark state={job.state} />
          <span className="jp-KernelContainers-rowTitle" title={job.title}>
            {shortTitle(job.title)}
          </span>
        </button>
      </div>
      <div className="jp-KernelContainers-hint">
        {facts.filter(Boolean).join(' · ')}
      </div>
      <Values of={job.request.parameters ?? {}} />
      <div className="jp-KernelContainers-actions">
        <Button
          label={trans.__('Run again')}
          title={trans.__('With the same parameters, which can be changed')}
          onClick={() =>
            send({
              type: 'show',
              view: {
                view: 'run-form',
                image: String(job.request.image ?? job.image),
                title: shortTitle(job.title),
                given: job.request.parameters ?? {}
              }
            })
          }
        />
        {ended ? (
          <Confirm
            label={trans.__('Forget…')}
            question={trans.__('Forget this run? Its results stay.')}
            confirm={trans.__('Forget')}
            busy={busy}
            onConfirm={() => act(() => jobs.forget(job.id))}
          />
        ) : (
          <Button
            kind="warn"
            label={trans.__('Stop')}
            busy={busy}
            onClick={() => act(() => jobs.cancel(job.id))}
          />
        )}
      </div>
      {error && <ErrorView error={error} />}
    </li>
  );
}
