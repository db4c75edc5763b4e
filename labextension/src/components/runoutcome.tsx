import * as React from 'react';

import type { Job, Result, RunResult } from '../api';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { formatBytes, formatSeconds, formatValue } from '../format';
import { useFetched, useServices } from './context';
import { Button, ErrorView, Field, Fold, Notice } from './parts';
import { causeWord } from './words';

/** How a run ended, and its results. */
export function RunOutcome(props: {
  job: Job;
  result: RunResult;
}): JSX.Element {
  const { result } = props;
  const { trans } = useServices();
  const succeeded = result.status === 'succeeded';
  return (
    <>
      <Notice
        kind={
          succeeded ? 'success' : result.status === 'failed' ? 'error' : 'info'
        }
      >
        <strong>{causeWord(result.cause, trans)}</strong>
        <p>{result.message}</p>
        {result.kept && (
          <p>{trans.__('The outputs were kept in %1.', result.kept)}</p>
        )}
      </Notice>
      {result.notebook && (
        <Results
          notebook={result.notebook}
          run={result.run_id}
          prefix={result.prefix}
        />
      )}
    </>
  );
}

/** The files of a run, whoever started it. */
export function Results(props: {
  notebook: string;
  run: string;
  prefix: string | undefined;
}): JSX.Element {
  const { notebook, run, prefix } = props;
  const { api, openPage, openPath, trans } = useServices();
  const { value, error, again } = useFetched(
    () => api.result(notebook, run, prefix),
    `${prefix} ${notebook} ${run}`
  );
  if (error) {
    return <ErrorView error={error} onRetry={again} />;
  }
  if (!value) {
    return <p role="status">{trans.__('Reading the results…')}</p>;
  }
  const page = () =>
    openPage(
      api.resultUrl(notebook, run, prefix, 'html'),
      `${notebook} ${run}`
    );
  const executed = value.files.find(file => file.name === 'notebook.ipynb');
  const report = value.files.find(file => file.name === 'report.json');
  const failed = failedCell(value);
  return (
    <>
      <div className="jp-KernelContainers-buttons">
        {value.run.html && (
          <Button
            kind="accept"
            label={trans.__('Open page')}
            title={trans.__('The HTML that the run wrote')}
            onClick={page}
          />
        )}
        {executed?.path && (
          <Button
            label={
              failed
                ? trans.__('Open at the failed cell')
                : trans.__('Open notebook')
            }
            onClick={() => openPath(executed.path as string, failed)}
          />
        )}
        {report?.path && (
          <Button
            label={trans.__('Open report')}
            onClick={() => openPath(report.path as string)}
          />
        )}
      </div>
      <Facts result={value} />
      <Fold title={trans.__('Files')}>
        <ul className="jp-KernelContainers-files">
          {value.files.map(file => (
            <li key={file.name}>
              {file.path ? (
                <button
                  type="button"
                  className="jp-KernelContainers-link"
                  onClick={() => openPath(file.path as string)}
                >
                  {file.name}
                </button>
              ) : (
                <span>{file.name}</span>
              )}
              <span>{file.size === null ? '' : formatBytes(file.size)}</span>
              <a
                href={api.resultUrl(
                  notebook,
                  run,
                  prefix,
                  `files/${encodeURIComponent(file.name)}`
                )}
                download={file.name}
                aria-label={trans.__('Download %1', file.name)}
              >
                {trans.__('Download')}
              </a>
            </li>
          ))}
        </ul>
      </Fold>
      <Publish notebook={notebook} run={run} prefix={prefix} />
    </>
  );
}

function failedCell({ run, report }: Result): string | undefined {
  if (run.failed_cell === null) {
    return undefined;
  }
  const { cells } = report as { cells?: { index: number; cell_id: string }[] };
  return cells?.find(cell => cell.index === run.failed_cell)?.cell_id;
}

function Facts({ result }: { result: Result }): JSX.Element {
  const { trans } = useServices();
  const { run } = result;
  const rows: [string, string][] = [
    ...Object.entries(run.parameters).map(
      ([name, value]) => [name, formatValue(value)] as [string, string]
    ),
    ...Object.entries(run.scraps).map(
      ([name, value]) =>
        [trans.__('Result %1', name), formatValue(value)] as [string, string]
    )
  ];
  if (run.seconds !== null) {
    rows.push([trans.__('Duration'), formatSeconds(run.seconds)]);
  }
  if (run.peak_memory !== null) {
    rows.push([trans.__('Peak memory'), formatBytes(run.peak_memory)]);
  }
  return (
    <dl className="jp-KernelContainers-facts jp-mod-compact">
      {rows.map(([name, value]) => (
        <React.Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </React.Fragment>
      ))}
    </dl>
  );
}

function Publish(props: {
  notebook: string;
  run: string;
  prefix: string | undefined;
}): JSX.Element {
  const { api, trans } = useServices();
  const id = React.useId();
  const [title, setTitle] = React.useState('');
  const [done, setDone] = React.useState(false);
  const [error, setError] = React.useState<ApiError | null>(null);
  const publish = () => {
    const body = { ...props, ...(title.trim() ? { title: title.trim() } : {}) };
    api.publish(body).then(
      () => setDone(true),
      (reason: unknown) => setError(asApiError(reason))
    );
  };
  return (
    <Fold title={trans.__('Publish')}>
      <Field
        id={`${id}-title`}
        label={trans.__('Title')}
        hint={trans.__('Others find the page and the notebook in the gallery.')}
      >
        {described => (
          <input
            {...described}
            className="jp-mod-styled"
            value={title}
            placeholder={props.notebook}
            onChange={event => setTitle(event.target.value)}
          />
        )}
      </Field>
      {error && <ErrorView error={error} />}
      {done ? (
        <Notice kind="success">{trans.__('It is in the gallery.')}</Notice>
      ) : (
        <div className="jp-KernelContainers-buttons">
          <Button label={trans.__('Publish')} onClick={publish} />
        </div>
      )}
    </Fold>
  );
}
