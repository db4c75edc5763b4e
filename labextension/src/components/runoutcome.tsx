import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Job, Result, RunResult } from '../api';
import { formatValue } from '../format';
import { resultPath } from '../results';
import { useFetched, useServices } from './context';
import { Button, Copyable, Fold, Notice } from './parts';
import { Waiting } from './waiting';
import { PublishForm } from './publish';
import { causeWord } from './words';

const LATEST = 'latest'; // the server's name for a notebook's newest run

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
  const { api, format, openPage, openPath, trans } = useServices();
  const fetched = useFetched(
    () => api.result(notebook, run, prefix),
    `${prefix} ${notebook} ${run}`
  );
  const { value } = fetched;
  if (!value) {
    return <Waiting of={fetched} text={trans.__('Reading the results…')} />;
  }
  const page = () =>
    openPage(
      api.resultUrl(notebook, run, prefix, 'html'),
      `${notebook} ${run}`
    );
  const open = (name: string, cellId?: string) => {
    const file = value.files.find(other => other.name === name);
    openPath(file?.path ?? resultPath(notebook, run, prefix, name), cellId);
  };
  const names = value.files.map(file => file.name);
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
        {names.includes('notebook.ipynb') && (
          <Button
            label={
              failed
                ? trans.__('Open at the failed cell')
                : trans.__('Open notebook')
            }
            onClick={() => open('notebook.ipynb', failed)}
          />
        )}
        {names.includes('report.json') && (
          <Button
            label={trans.__('Open report')}
            onClick={() => open('report.json')}
          />
        )}
      </div>
      <Facts result={value} />
      <Fold title={trans.__('Files')}>
        <ul className="jp-KernelContainers-files">
          {value.files.map(file => (
            <li key={file.name}>
              <button
                type="button"
                className="jp-KernelContainers-link"
                onClick={() => open(file.name)}
              >
                {file.name}
              </button>
              <span>{file.size === null ? '' : format.bytes(file.size)}</span>
              <a
                href={api.resultUrl(
                  notebook,
                  run,
                  prefix,
                  `files/${encodeURIComponent(file.name)}`
                )}
                download={file.name}
                title={trans.__('Download %1', file.name)}
                aria-label={trans.__('Download %1', file.name)}
              >
                <downloadIcon.react tag="span" />
              </a>
            </li>
          ))}
        </ul>
      </Fold>
      {value.run.html && (
        <Fold title={trans.__('Links')}>
          <Link
            label={trans.__('The page of this run')}
            path={api.resultUrl(notebook, run, prefix, 'html')}
          />
          <Link
            label={trans.__('The page of the newest run of %1', notebook)}
            path={api.resultUrl(notebook, LATEST, prefix, 'html')}
          />
        </Fold>
      )}
      <Fold title={trans.__('Publish')}>
        <PublishForm publication={{ notebook, run, prefix }} name={notebook} />
      </Fold>
    </>
  );
}

function Link(props: { label: string; path: string }): JSX.Element {
  return (
    <div className="jp-KernelContainers-field">
      <label>{props.label}</label>
      <Copyable
        label={props.label}
        text={new URL(props.path, document.baseURI).href}
      />
    </div>
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
  const { format, trans } = useServices();
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
    rows.push([trans.__('Duration'), format.seconds(run.seconds)]);
  }
  if (run.peak_memory !== null) {
    rows.push([trans.__('Peak memory'), format.bytes(run.peak_memory)]);
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
