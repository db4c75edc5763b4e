import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { StoredRun } from '../api';
import { useServices } from '../components/context';
import { Button, ErrorView } from '../components/parts';
import { causeWord, stateMark, stateWord } from '../components/words';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { formatAge, formatSeconds } from '../format';
import type { IPanelProps } from './panel';

/** All runs below a prefix, whoever started them. */
export function ResultsTab({ panel, send }: IPanelProps): JSX.Element {
  const { api, jobs, trans } = useServices();
  const ended = jobs.jobs.length - jobs.active.length;
  const [typed, setTyped] = React.useState(panel.prefix);
  const [notebook, setNotebook] = React.useState('');
  const [round, setRound] = React.useState(0);
  const [runs, setRuns] = React.useState<readonly StoredRun[] | null>(null);
  const [names, setNames] = React.useState<readonly string[]>([]);
  const [place, setPlace] = React.useState('');
  const [next, setNext] = React.useState<string | null>(null);
  const [error, setError] = React.useState<ApiError | null>(null);
  const query = {
    prefix: panel.prefix || undefined,
    notebook: notebook || undefined
  };
  React.useEffect(() => {
    let stopped = false;
    setError(null);
    api.results(query).then(
      page => {
        if (!stopped) {
          setRuns(page.runs);
          setNames(page.notebooks);
          setPlace(page.prefix);
          setNext(page.next);
        }
      },
      (reason: unknown) => stopped || setError(asApiError(reason))
    );
    return () => {
      stopped = true;
    };
  }, [api, panel.prefix, notebook, ended, round]);
  const more = () => {
    api.results({ ...query, after: next ?? undefined }).then(
      page => {
        setRuns([...(runs ?? []), ...page.runs]);
        setNext(page.next);
      },
      (reason: unknown) => setError(asApiError(reason))
    );
  };
  return (
    <>
      <form
        className="jp-KernelContainers-tools"
        onSubmit={event => {
          event.preventDefault();
          send({ type: 'prefix', prefix: typed.trim() });
          setRound(round + 1);
        }}
      >
        <input
          className="jp-mod-styled"
          aria-label={trans.__('Place of the results')}
          placeholder={place || trans.__('s3://bucket/prefix')}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
        <button
          type="submit"
          className="jp-mod-styled jp-mod-reject jp-KernelContainers-button"
        >
          {trans.__('Show')}
        </button>
      </form>
      {names.length > 1 && (
        <HTMLSelect
          aria-label={trans.__('Notebook')}
          value={notebook}
          onChange={event => setNotebook(event.target.value)}
          options={[
            { label: trans.__('All notebooks'), value: '' },
            ...names.map(name => ({ label: name, value: name }))
          ]}
        />
      )}
      {error && <ErrorView error={error} onRetry={() => setRound(round + 1)} />}
      {!runs && !error && (
        <p role="status">{trans.__('Reading the results…')}</p>
      )}
      {runs?.length === 0 && (
        <p className="jp-KernelContainers-empty">
          {trans.__('There are no results in %1.', place)}
        </p>
      )}
      <ul className="jp-KernelContainers-list" aria-label={trans.__('Results')}>
        {runs?.map(run => (
          <li key={`${run.notebook}/${run.run_id}`} data-run={run.run_id}>
            <button
              type="button"
              className="jp-KernelContainers-card"
              onClick={() =>
                send({
                  type: 'show',
                  view: {
                    view: 'result',
                    notebook: run.notebook,
                    run: run.run_id,
                    prefix: query.prefix
                  }
                })
              }
            >
              {run.thumbnail && (
                <img
                  alt=""
                  loading="lazy"
                  onError={event => {
                    event.currentTarget.hidden = true;
                  }}
                  src={api.resultUrl(
                    run.notebook,
                    run.run_id,
                    query.prefix,
                    'thumbnail'
                  )}
                />
              )}
              <span>
                <span className="jp-KernelContainers-rowTitle">
                  {run.notebook}
                </span>
                <span className="jp-KernelContainers-hint">
                  <span aria-hidden>{stateMark(run.status)} </span>
                  {[
                    run.status === 'failed'
                      ? causeWord(run.cause, trans)
                      : stateWord(run.status, trans),
                    formatAge(run.started, Date.now(), trans),
                    run.seconds === null ? '' : formatSeconds(run.seconds)
                  ]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {next && <Button label={trans.__('Show more')} onClick={more} />}
    </>
  );
}
