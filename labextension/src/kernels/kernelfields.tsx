import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Environment } from '../api';
import { useFetched, useServices } from '../components/context';
import { Field } from '../components/parts';
import { Waiting } from '../components/waiting';
import type { IKernelForm } from './kernelrequest';

interface IFieldsProps {
  form: IKernelForm;
  problems: Partial<Record<keyof IKernelForm, string>>;
  change: (changed: Partial<IKernelForm>) => void;
}

/** What a new kernel runs: an environment of this machine, or an image. */
export function KernelSource({
  form,
  problems,
  change
}: IFieldsProps): JSX.Element {
  const { trans } = useServices();
  return (
    <>
      <fieldset className="jp-KernelContainers-kinds jp-mod-two">
        <legend className="jp-KernelContainers-hidden">
          {trans.__('What it runs')}
        </legend>
        {(
          [
            [
              'prefix',
              trans.__('An environment of this machine'),
              trans.__('A venv or conda environment, mounted read-only.')
            ],
            [
              'image',
              trans.__('An image'),
              trans.__('Any image with Python and ipykernel.')
            ]
          ] as const
        ).map(([value, label, hint]) => (
          <label key={value} data-chosen={form.source === value}>
            <input
              type="radio"
              name="jp-kc-source"
              value={value}
              checked={form.source === value}
              onChange={() => change({ source: value })}
            />
            <span>
              <strong>{label}</strong>
              <span className="jp-KernelContainers-hint">{hint}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {form.source === 'prefix' ? (
        <EnvironmentField
          value={form.prefix}
          problem={problems.prefix}
          onChange={environment =>
            change({
              prefix: environment.prefix,
              name: form.name || environment.name
            })
          }
        />
      ) : (
        <TextField
          field="image"
          label={trans.__('Image')}
          hint={trans.__('Such as quay.io/jupyter/scipy-notebook:latest')}
          form={form}
          problems={problems}
          change={change}
        />
      )}
    </>
  );
}

/** One line of the form. */
export function TextField(
  props: IFieldsProps & {
    field: Exclude<keyof IKernelForm, 'source'>;
    label: string;
    hint?: string;
  }
): JSX.Element {
  const { field, form, change } = props;
  return (
    <Field
      id={`jp-kc-kernel-${field}`}
      label={props.label}
      hint={props.hint}
      problem={props.problems[field]}
    >
      {described => (
        <input
          {...described}
          className="jp-mod-styled"
          spellCheck={false}
          value={form[field]}
          onChange={event =>
            change({ [field]: event.target.value.trimStart() })
          }
        />
      )}
    </Field>
  );
}

function EnvironmentField(props: {
  value: string;
  problem: string | undefined;
  onChange: (environment: Environment) => void;
}): JSX.Element {
  const { api, trans } = useServices();
  const fetched = useFetched(() => api.environments(), 'environments');
  const { value } = fetched;
  if (!value) {
    return (
      <Waiting of={fetched} text={trans.__('Looking for environments…')} />
    );
  }
  const chosen = value.find(item => item.prefix === props.value);
  return (
    <Field
      id="jp-kc-prefix"
      label={trans.__('Environment')}
      hint={chosen?.problem ?? undefined}
      problem={props.problem}
    >
      {described => (
        <HTMLSelect
          {...described}
          value={props.value}
          onChange={event => {
            const found = value.find(
              item => item.prefix === event.target.value
            );
            if (found) {
              props.onChange(found);
            }
          }}
        >
          <option value="">{trans.__('Choose…')}</option>
          {value.map(item => (
            <option
              key={item.prefix}
              value={item.prefix}
              disabled={item.problem !== null}
              title={item.problem ?? undefined}
            >
              {`${item.prefix} (${item.kind} ${item.python})`}
            </option>
          ))}
        </HTMLSelect>
      )}
    </Field>
  );
}
