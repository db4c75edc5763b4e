import * as React from 'react';

import { useServices } from '../components/context';
import { Button, Field } from '../components/parts';
import type { IStepProps } from './reducer';
import { variablesOf } from './state';

const NAME = /^[\p{L}_.][\p{L}\p{N}_.]*$/u; // Python's, and those of R

/** Make a parameter of what was not found, such as what a cell tagged `parameters` computes. */
export function OwnParameter({ wizard, send }: IStepProps): JSX.Element {
  const { trans } = useServices();
  const [name, setName] = React.useState('');
  const known = variablesOf(wizard).some(variable => variable.name === name);
  const problem = known
    ? trans.__('It is in the list already.')
    : name && !NAME.test(name)
      ? trans.__('This is not a valid name of a variable.')
      : null;
  const add = () => {
    if (name && !problem) {
      send({ type: 'add-parameter', name });
      setName('');
    }
  };
  return (
    <Field
      id="jp-kc-own"
      label={trans.__('Another parameter')}
      hint={trans.__('One that a cell tagged “parameters” sets or computes')}
      problem={problem}
    >
      {described => (
        <div className="jp-KernelContainers-tools">
          <input
            {...described}
            className="jp-mod-styled"
            spellCheck={false}
            maxLength={200}
            value={name}
            onChange={event => setName(event.target.value.trim())}
            onKeyDown={event => {
              if (event.key === 'Enter' && name) {
                event.preventDefault();
                add();
              }
            }}
          />
          <Button label={trans.__('Add')} reason={problem} onClick={add} />
        </div>
      )}
    </Field>
  );
}
