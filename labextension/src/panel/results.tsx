import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { StoredRun } from '../api';
import { useAction } from '../components/action';
import { useServices } from '../components/context';
import { Button, ErrorView, StateMark } from '../components/parts';
import { causeWord, stateWord } from '../components/words';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { formatAge, formatSeconds, formatValues } from '../format';
import type { IPanelProps } from './state';

/** The runs of one place, as far as they were asked for. */
interface IPage {
  readonly of: string; // the query it answers
  readonly asked: string; // the place as it was typed
  readonly prefix: string;
  readonly notebooks: readonly string[];
  readonly runs: readonly StoredRun[];
  readonly next: string | null;
}

/** All runs below a prefix, whoever started them. */
export function ResultsTab({ panel, send }: IPanelProps): JSX.Element {
  const { api, jobs, trans } = useServices();
  const ended = jobs.jobs.length - jobs.active.length;
  const [typed, setTyped] = React.useState(panel.prefix);
  const [notebook, setNotebook] = React.useState('');
  const [round, setRound] = React.useState(0);
  const [page, setPage] = React.useState<IPage | null>(null);
  const [error, setError] = React.useState<ApiError | null>(null);
  const older = useAction();
  const query = {
    prefix: panel.prefix || undefined,
    notebook: notebook || undefined
  };
  const of = JSON.stringify(query);
  React.useEffect(() => {
    let stopped = false;
    setError(null);
    api.results(query).then(
      found => stopped || setPage({ ...found, of, asked: panel.prefix }),
      (reason: unknown) => stopped || setError(asApiError(reason))
    );
    return () => {
      stopped = true;
    };
  }, [api, of, ended, round]);
  // Runs of another place would be opened below this one.
  const shown = page?.of === of && !error ? page : null;
  const names = page?.asked === panel.prefix ? page.notebooks : [];
  const more = async (old: IPage) => {
    const after = old.next ?? undefined;
    const found = await api.results({ ...query, after });
    // Meanwhile another place may be shown.
    setPage(now =>
      now === old
        ? { ...old, ...found, runs: [...old.runs, ...found.runs] }
        : now
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
          placeholder={page?.prefix ?? trans.__('s3://bucket/prefix')}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
        <Button label={trans.__('Show')} />
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
      {!shown && !error && (
        <p role="status">{trans.__('Reading the results…')}</p>
      )}
      {shown?.runs.length === 0 && (
        <p className="jp-KernelContainers-empty">
          {trans.__('There are no results in %1.', shown.prefix)}
        </p>
      )}
      <ul className="jp-KernelContainers-list" aria-label={trans.__('Results')}>
        {shown?.runs.map(run => (
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
                <span className="jp-KernelContainers-rowTitle" title={run.uri}>
                  {run.notebook}
                </span>
                <span className="jp-KernelContainers-hint">
                  <StateMark state={run.status} />{' '}
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
                <span className="jp-KernelContainers-hint">
                  {formatValues(run.parameters)}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {older.error && <ErrorView error={older.error} />}
      {shown?.next && (
        <Button
          label={trans.__('Show more')}
          busy={older.busy}
          onClick={() => older.act(() => more(shown))}
        />
      )}
    </>
  );
}
