import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useServices } from '../components/context';
import { ShowMore, usePages } from '../components/pages';
import { Button, ErrorView, StateMark, Values } from '../components/parts';
import { causeWord, stateWord } from '../components/words';
import type { IPanelProps } from './state';

/** All runs below a prefix, whoever started them. */
export function ResultsTab({ panel, send }: IPanelProps): JSX.Element {
  const { api, format, jobs, trans } = useServices();
  const ended = jobs.jobs.length - jobs.active.length;
  const [typed, setTyped] = React.useState(panel.prefix);
  const [notebook, setNotebook] = React.useState('');
  const [round, setRound] = React.useState(0);
  const query = {
    prefix: panel.prefix || undefined,
    notebook: notebook || undefined
  };
  const of = JSON.stringify(query);
  const asked = panel.prefix;
  const pages = usePages(
    async after => ({ ...(await api.results({ ...query, after })), of, asked }),
    of,
    `${ended} ${round}`
  );
  const { error, again } = pages;
  const page = pages.value?.[0];
  // Runs of another place would be opened below this one.
  const runs =
    page?.of === of ? pages.value?.flatMap(({ runs }) => runs) : undefined;
  const names = page?.asked === asked ? page.notebooks : [];
  return (
    <>
      <form
        className="jp-KernelContainers-tools"
        onSubmit={event => {
          event.preventDefault();
          send({ type: 'prefix', prefix: typed.trim() });
          setNotebook(''); // there may be none of that name
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
      {error && <ErrorView error={error} onRetry={again} />}
      {!runs && !error && (
        <p role="status">{trans.__('Reading the results…')}</p>
      )}
      {runs?.length === 0 && (
        <p className="jp-KernelContainers-empty">
          {trans.__('There are no results in %1.', page?.prefix ?? '')}
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
                <span className="jp-KernelContainers-rowTitle" title={run.uri}>
                  {run.notebook}
                </span>
                <span className="jp-KernelContainers-hint">
                  <StateMark state={run.status} />{' '}
                  {[
                    run.status === 'failed'
                      ? causeWord(run.cause, trans)
                      : stateWord(run.status, trans),
                    format.age(run.started),
                    run.seconds === null ? '' : format.seconds(run.seconds)
                  ]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
                <Values of={run.parameters} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      {runs && <ShowMore of={pages} />}
    </>
  );
}
