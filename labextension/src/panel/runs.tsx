import * as React from 'react';

import type { Job, RunResult } from '../api';
import { useServices } from '../components/context';
import { Button, Confirm } from '../components/parts';
import { shortTitle, stateMark, stateWord } from '../components/words';
import { formatAge, formatSeconds, formatValue } from '../format';
import { isActive } from '../jobstate';
import { openCompare } from './compare';
import type { IPanelProps } from './state';
import { matching } from './state';
import type { IRunKey } from './state';

const PAGE = 50; // rows shown at once

/** Runs that were started here. */
export function RunsTab({ panel, send }: IPanelProps): JSX.Element {
  const services = useServices();
  const { jobs, trans } = services;
  const [shown, setShown] = React.useState(PAGE);
  const all = jobs.jobs.filter(job => job.kind === 'run');
  const found = matching(all, panel.filter);
  const keys = panel.picked
    .map(id => runKey(all.find(job => job.id === id)))
    .filter((key): key is IRunKey => key !== null);
  if (all.length === 0) {
    return (
      <p className="jp-KernelContainers-empty">
        {jobs.isReady
          ? trans.__('Nothing was run yet. Choose Run beside an image.')
          : trans.__('Asking the server…')}
      </p>
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
      {found.length > shown && (
        <Button
          label={trans.__('Show more')}
          onClick={() => setShown(shown + PAGE)}
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
  const { jobs, trans } = useServices();
  const parameters = Object.entries(job.request.parameters ?? {});
  const ended = !isActive(job);
  const seconds =
    job.started && job.finished
      ? (Date.parse(job.finished) - Date.parse(job.started)) / 1000
      : null;
  const facts = [
    stateWord(job.state, trans),
    job.cell && !ended
      ? trans.__('cell %1 of %2', job.cell.number, job.cell.count)
      : '',
    formatAge(job.created, Date.now(), trans),
    seconds === null ? '' : formatSeconds(seconds)
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
          <span
            className={`jp-KernelContainers-state jp-mod-${job.state}`}
            aria-hidden
          >
            {stateMark(job.state)}
          </span>
          <span className="jp-KernelContainers-rowTitle">
            {shortTitle(job.title)}
          </span>
        </button>
      </div>
      <div className="jp-KernelContainers-hint">
        {facts.filter(Boolean).join(' · ')}
      </div>
      {parameters.length > 0 && (
        <div className="jp-KernelContainers-hint">
          {parameters
            .map(([name, value]) => `${name} = ${formatValue(value, 24)}`)
            .join(', ')}
        </div>
      )}
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
            onConfirm={() => void jobs.forget(job.id)}
          />
        ) : (
          <Button
            kind="warn"
            label={trans.__('Stop')}
            onClick={() => void jobs.cancel(job.id)}
          />
        )}
      </div>
    </li>
  );
}
