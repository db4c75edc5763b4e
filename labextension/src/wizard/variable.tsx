import { HTMLSelect, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Variable } from '../api';
import { useServices } from '../components/context';
import { Button, Field } from '../components/parts';
import { formatValue } from '../format';
import { fieldText } from '../values';
import { TYPES, editProblems, edited } from './edits';
import type { IEdit } from './state';
import type { IStepProps } from './reducer';

interface IRowProps extends IStepProps {
  readonly variable: Variable;
  /** Go to a cell of the notebook, where that can be done. */
  readonly onCell?: (index: number) => void;
}

/** A variable, and whether and how it becomes a parameter. */
export function VariableRow(props: IRowProps): JSX.Element {
  const { variable, wizard, send } = props;
  const { trans } = useServices();
  const [open, setOpen] = React.useState(false);
  const { name } = variable;
  const { chosen, secret } = wizard.choices[name];
  const edit = wizard.edits[name];
  const shown = edited(variable, edit);
  const problems = Object.values(editProblems(variable, edit, secret, trans));
  const rowClass = chosen ? 'jp-mod-chosen' : undefined;
  return (
    <>
      <tr data-variable={name} className={rowClass}>
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
        <td>{shown.type}</td>
        <td className="jp-KernelContainers-value">
          <Default {...props} />
          {!secret && <Current {...props} />}
          {problems.map(problem => (
            <div key={problem} className="jp-KernelContainers-problem">
              {problem}
            </div>
          ))}
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
          {shown.description} <Cells {...props} />
          {variable.notes.map(note => (
            <div
              key={note}
              className={`jp-KernelContainers-${variable.contested ? 'warn' : 'hint'}`}
            >
              {note}
            </div>
          ))}
        </td>
        <td>
          <button
            type="button"
            className="jp-KernelContainers-iconButton"
            aria-label={trans.__('Change %1', name)}
            aria-expanded={open}
            title={trans.__('Change type, default and description')}
            onClick={() => setOpen(!open)}
          >
            <editIcon.react tag="span" />
          </button>
        </td>
      </tr>
      {open && (
        <tr className={rowClass}>
          <td colSpan={6}>
            <EditFields {...props} onDone={() => setOpen(false)} />
          </td>
        </tr>
      )}
    </>
  );
}

/** What a run gets that says nothing else. */
function Default({ variable, wizard }: IRowProps): JSX.Element {
  const { trans } = useServices();
  const { chosen, secret } = wizard.choices[variable.name];
  const edit = wizard.edits[variable.name];
  if (secret) {
    return (
      <em>
        {chosen ? trans.__('asked for at each run') : trans.__('not shown')}
      </em>
    );
  }
  if (edit?.default === undefined) {
    if (variable.secret) {
      return <em>{trans.__('as in the notebook')}</em>;
    }
    if (variable.required || variable.default === null) {
      return <em>{trans.__('none')}</em>;
    }
  }
  const text = edited(variable, edit).default;
  return text ? (
    <code>{formatValue(text, 40)}</code>
  ) : (
    <em>{trans.__('empty')}</em>
  );
}

/** What the running kernel holds, where that is something else than the default. */
function Current({ variable, wizard, send }: IRowProps): JSX.Element | null {
  const { trans } = useServices();
  const { name, current } = variable;
  const shown = edited(variable, wizard.edits[name]);
  if (!current || fieldText(current.value) === shown.default) {
    return null;
  }
  const text = fieldText(current.value);
  const change = {
    default: text,
    ...(current.type === variable.type ? {} : { type: current.type })
  };
  return (
    <div data-current={name}>
      <button
        type="button"
        className="jp-KernelContainers-link jp-mod-small"
        title={trans.__('The value in the running kernel; take it as default')}
        onClick={() => send({ type: 'edit-parameter', name, change })}
      >
        {trans.__('now %1', formatValue(text, 24))}
      </button>
    </div>
  );
}

/** Where a variable is set, as links where they can lead there. */
function Cells({ variable, onCell }: IRowProps): JSX.Element {
  const { trans } = useServices();
  return (
    <>
      {variable.cells.map(cell => {
        const label = trans.__('cell %1', cell + 1);
        return onCell ? (
          <button
            key={cell}
            type="button"
            className="jp-KernelContainers-link jp-mod-small"
            title={trans.__('Close this and go there; what was typed stays')}
            onClick={() => onCell(cell)}
          >
            {label}
          </button>
        ) : (
          <span key={cell} className="jp-KernelContainers-hint">
            {label}
          </span>
        );
      })}
    </>
  );
}

/** What the user can change of a parameter. */
function EditFields(props: IRowProps & { onDone: () => void }): JSX.Element {
  const { variable, wizard, send } = props;
  const { trans } = useServices();
  const { name } = variable;
  const id = `jp-kc-edit-${name}`;
  const { secret } = wizard.choices[name];
  const edit = wizard.edits[name];
  const shown = edited(variable, edit);
  const problems = editProblems(variable, edit, secret, trans);
  const change = (changed: IEdit) =>
    send({ type: 'edit-parameter', name, change: changed });
  return (
    <div
      className="jp-KernelContainers-edit"
      role="group"
      aria-label={trans.__('Change %1', name)}
      onKeyDown={event => {
        if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
          event.preventDefault();
          props.onDone();
        }
      }}
    >
      {!secret && (
        <div className="jp-KernelContainers-columns">
          <Field id={`${id}-type`} label={trans.__('Type')}>
            {described => (
              <HTMLSelect
                {...described}
                value={shown.type}
                options={[...TYPES]}
                onChange={event =>
                  change({ type: event.target.value as Variable['type'] })
                }
              />
            )}
          </Field>
          <TextField
            id={`${id}-default`}
            label={trans.__('Default')}
            value={shown.default}
            problem={problems.default}
            onChange={text => change({ default: text })}
          />
          {shown.type === 'enum' && (
            <TextField
              id={`${id}-choices`}
              label={trans.__('Values')}
              value={shown.choices}
              problem={problems.choices}
              onChange={text => change({ choices: text })}
            />
          )}
        </div>
      )}
      <TextField
        id={`${id}-description`}
        label={trans.__('Description')}
        value={shown.description}
        onChange={text => change({ description: text })}
      />
      <div className="jp-KernelContainers-buttons">
        {edit && (
          <Button
            kind="minimal"
            label={trans.__('As in the notebook')}
            onClick={() => send({ type: 'undo-parameter', name })}
          />
        )}
        <Button label={trans.__('Done')} onClick={props.onDone} />
      </div>
    </div>
  );
}

function TextField(props: {
  id: string;
  label: string;
  value: string;
  problem?: string;
  onChange: (text: string) => void;
}): JSX.Element {
  return (
    <Field id={props.id} label={props.label} problem={props.problem}>
      {described => (
        <input
          {...described}
          className="jp-mod-styled"
          maxLength={1000}
          value={props.value}
          onChange={event => props.onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
