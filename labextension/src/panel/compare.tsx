import * as React from 'react';

import { useFetched, useServices } from '../components/context';
import { ScreenDialog } from '../components/dialog';
import { Button } from '../components/parts';
import { Waiting } from '../components/waiting';
import type { IServices } from '../services';
import { formatValue } from '../format';
import { compareRows } from './state';
import type { IRunKey } from './state';

/** Open a table of several runs; resolves when it is closed. */
export async function openCompare(
  services: IServices,
  runs: readonly IRunKey[]
): Promise<void> {
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Compare runs'),
    focus: 'button',
    content: close => (
      <div className="jp-KernelContainers-wizard">
        <CompareView runs={runs} />
        <div className="jp-KernelContainers-nav">
          <Button label={services.trans.__('Close')} onClick={close} />
        </div>
      </div>
    )
  });
  await dialog.launch();
}

/** Parameters and results of several runs beside each other; what differs stands out. */
function CompareView(props: { runs: readonly IRunKey[] }): JSX.Element {
  const { api, format, trans } = useServices();
  const fetched = useFetched(
    () =>
      Promise.all(
        props.runs.map(key => api.result(key.notebook, key.run, key.prefix))
      ),
    JSON.stringify(props.runs)
  );
  const { value } = fetched;
  if (!value) {
    return <Waiting of={fetched} text={trans.__('Reading the reports…')} />;
  }
  const runs = value.map(result => result.run);
  const groups: [string, ReturnType<typeof compareRows>][] = [
    [trans.__('Parameters'), compareRows(runs.map(run => run.parameters))],
    [trans.__('Results'), compareRows(runs.map(run => run.scraps))],
    [
      trans.__('Run'),
      compareRows(
        runs.map(run => ({
          [trans.__('Status')]: run.status,
          [trans.__('Duration')]:
            run.seconds === null ? '' : format.seconds(run.seconds)
        }))
      )
    ]
  ];
  return (
    <div
      className="jp-KernelContainers-scroll"
      role="region"
      tabIndex={0}
      aria-label={trans.__('Comparison')}
    >
      <table className="jp-KernelContainers-table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            {runs.map(run => (
              <th scope="col" key={run.run_id}>
                {run.run_id}
              </th>
            ))}
          </tr>
        </thead>
        {groups
          .filter(([, rows]) => rows.length > 0)
          .map(([title, rows]) => (
            <tbody key={title}>
              <tr>
                <th scope="rowgroup" colSpan={runs.length + 1}>
                  {title}
                </th>
              </tr>
              {rows.map(row => (
                <tr
                  key={row.name}
                  className={row.differs ? 'jp-mod-differs' : undefined}
                >
                  <th scope="row">{row.name}</th>
                  {row.values.map((cell, index) => (
                    <td key={index}>
                      {cell === undefined ? '—' : formatValue(cell, 40)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          ))}
      </table>
    </div>
  );
}
