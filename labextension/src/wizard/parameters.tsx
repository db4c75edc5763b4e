import * as React from 'react';

import { useServices } from '../components/context';
import { Button, ErrorView, Notice } from '../components/parts';
import { OwnParameter } from './ownparameter';
import { VariableRow } from './variable';
import { chosenNames, shownVariables, variablesOf } from './state';
import type { IStepProps } from './reducer';

const SEARCH_FROM = 15; // rows

/** Which variables can be set for each run. */
export function ParametersStep(
  props: IStepProps & { onCell?: (index: number) => void }
): JSX.Element {
  const { wizard, send } = props;
  const { trans } = useServices();
  const { inspection } = wizard;
  if (inspection.status === 'failed') {
    return (
      <ErrorView
        error={inspection.error}
        onRetry={() => send({ type: 'inspect-again' })}
      />
    );
  }
  if (inspection.status !== 'ready') {
    return <p role="status">{trans.__('Reading the notebook…')}</p>;
  }
  const all = variablesOf(wizard);
  if (all.length === 0) {
    return (
      <>
        <Notice kind="info">
          {trans.__(
            'This notebook assigns no plain value at the top of a cell, so the image takes no parameters. It runs as it is.'
          )}
        </Notice>
        <p className="jp-KernelContainers-hint">
          {trans.__(
            'To get one, write for example: region = "south"  # one of north, south'
          )}
        </p>
        <UnreadCells cells={inspection.value.unread_cells} />
        <OwnParameter wizard={wizard} send={send} />
      </>
    );
  }
  const shown = shownVariables(wizard);
  const names = shown.map(variable => variable.name);
  const allChosen = names.every(name => wizard.choices[name].chosen);
  return (
    <>
      <p className="jp-KernelContainers-hint">
        {trans.__(
          'What is chosen can be given with each run; the value in the notebook is the default.'
        )}
      </p>
      <UnreadCells cells={inspection.value.unread_cells} />
      {inspection.value.live?.read === false && (
        <p className="jp-KernelContainers-hint" role="status">
          {trans.__(
            'What the running kernel holds is not shown: %1',
            inspection.value.live.remark ?? ''
          )}
        </p>
      )}
      <div className="jp-KernelContainers-tools">
        {all.length > SEARCH_FROM && (
          <input
            type="search"
            className="jp-mod-styled"
            placeholder={trans.__('Search variables')}
            aria-label={trans.__('Search variables')}
            value={wizard.search}
            onChange={event =>
              send({ type: 'search', text: event.target.value })
            }
          />
        )}
        <span role="status">
          {trans.__('%1 of %2 chosen', chosenNames(wizard).length, all.length)}
        </span>
        <Button
          kind="minimal"
          label={
            allChosen
              ? trans.__('Choose none shown')
              : trans.__('Choose all shown')
          }
          onClick={() => send({ type: 'choose', names, chosen: !allChosen })}
        />
        <Button
          kind="minimal"
          label={trans.__('Read again')}
          onClick={() => send({ type: 'inspect-again' })}
        />
      </div>
      <div
        className="jp-KernelContainers-scroll"
        tabIndex={0}
        role="region"
        aria-label={trans.__('Variables')}
      >
        <table className="jp-KernelContainers-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Parameter')}</th>
              <th scope="col">{trans.__('Type')}</th>
              <th scope="col">{trans.__('Default')}</th>
              <th scope="col">{trans.__('Secret')}</th>
              <th scope="col">{trans.__('Description')}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {shown.map(variable => (
              <VariableRow
                key={variable.name}
                variable={variable}
                wizard={wizard}
                send={send}
                onCell={props.onCell}
              />
            ))}
          </tbody>
        </table>
        {shown.length === 0 && (
          <p className="jp-KernelContainers-hint">
            {trans.__('No variable matches “%1”.', wizard.search)}
          </p>
        )}
      </div>
      <OwnParameter wizard={wizard} send={send} />
    </>
  );
}

function UnreadCells({
  cells
}: {
  cells: readonly number[];
}): JSX.Element | null {
  const { trans } = useServices();
  return cells.length === 0 ? null : (
    <Notice kind="warning">
      {trans.__(
        'These cells could not be read, so their variables are missing here: %1',
        cells.map(cell => cell + 1).join(', ')
      )}
    </Notice>
  );
}
