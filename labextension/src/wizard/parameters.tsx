import * as React from 'react';

import type { Variable } from '../api';
import { useServices } from '../components/context';
import { Button, ErrorView, Notice } from '../components/parts';
import { formatValue } from '../format';
import { chosenNames, shownVariables, variablesOf } from './state';
import type { IStepProps } from './wizard';

const SEARCH_FROM = 15; // rows

/** Which variables can be set for each run. */
export function ParametersStep({ wizard, send }: IStepProps): JSX.Element {
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
            </tr>
          </thead>
          <tbody>
            {shown.map(variable => (
              <VariableRow
                key={variable.name}
                variable={variable}
                wizard={wizard}
                send={send}
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
    </>
  );
}

function VariableRow(props: IStepProps & { variable: Variable }): JSX.Element {
  const { variable, wizard, send } = props;
  const { trans } = useServices();
  const { name } = variable;
  const { chosen, secret } = wizard.choices[name];
  return (
    <tr data-variable={name} className={chosen ? 'jp-mod-chosen' : undefined}>
      <th scope="row">
        <label className="jp-KernelContainers-check">
          <input
            type="checkbox"
            checked={chosen}
            onChange={event =>
              send({
                type: 'choose',
                names: [name],
                chosen: event.target.checked
              })
            }
          />
          <code>{name}</code>
        </label>
      </th>
      <td>{variable.type}</td>
      <td className="jp-KernelContainers-value">
        {secret ? (
          <em>{trans.__('asked for at each run')}</em>
        ) : variable.required ? (
          <em>{trans.__('none')}</em>
        ) : (
          <code>{formatValue(variable.default, 40)}</code>
        )}
      </td>
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('%1 is secret', name)}
          checked={secret}
          onChange={event =>
            send({ type: 'secret', name, secret: event.target.checked })
          }
        />
      </td>
      <td>
        {variable.description}
        {variable.cells.length > 0 && (
          <span className="jp-KernelContainers-hint">
            {' '}
            {trans.__('cell %1', variable.cells.join(', '))}
          </span>
        )}
        {variable.notes.map(note => (
          <div
            key={note}
            className={`jp-KernelContainers-${variable.contested ? 'warn' : 'hint'}`}
          >
            {note}
          </div>
        ))}
      </td>
    </tr>
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
        cells.join(', ')
      )}
    </Notice>
  );
}
