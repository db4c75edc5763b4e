import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IParameterSchema, IParametersSchema, Job } from '../api';
import { asApiError } from '../errors';
import { newToken, tokenAfter } from '../jobs';
import {
  LARGEST_SWEEP,
  initialForm,
  readForm,
  readSweep,
  runRequests,
  unknownNames
} from '../runrequest';
import type { IForm } from '../runrequest';
import { typeOf } from '../values';
import { useAction } from './action';
import { useServices } from './context';
import { Button, ErrorView, Field, Fold, Notice } from './parts';

/** A form of an image's own parameters; starts one run, or one for each value of a sweep. */
export function RunForm(props: {
  image: string;
  schema: IParametersSchema;
  given?: Readonly<Record<string, unknown>>;
  onStarted: (jobs: readonly Job[]) => void;
  onCancel?: () => void;
}): JSX.Element {
  const { jobs, trans } = useServices();
  const { schema, image } = props;
  const id = React.useId();
  const [form, setForm] = React.useState<IForm>(() =>
    initialForm(schema, props.given ?? {})
  );
  const [token, setToken] = React.useState(newToken);
  const [shown, setShown] = React.useState(false);
  const { busy, error, act } = useAction();
  const read = readForm(form, schema, trans);
  const swept = form.sweep ? readSweep(form, schema, trans) : null;
  const problems = swept ? swept.problems : read.problems;
  const bad = Object.keys(problems).length > 0;

  const start = async () => {
    try {
      const started: Job[] = [];
      for (const request of runRequests(image, form, schema, trans, token)) {
        started.push(await jobs.start(request));
      }
      props.onStarted(started);
    } catch (reason) {
      setToken(tokenAfter(asApiError(reason), token));
      throw reason;
    }
  };
  const place = React.useRef<HTMLFormElement>(null);
  React.useEffect(() => {
    place.current?.querySelector<HTMLElement>('input, select, button')?.focus();
  }, []);
  const entries = Object.entries(schema.properties ?? {});
  const gone = unknownNames(schema, props.given ?? {});
  return (
    <form
      ref={place}
      className="jp-KernelContainers-form"
      aria-label={trans.__('Run with these parameters')}
      onSubmit={event => {
        event.preventDefault();
        setShown(true);
        if (!bad) {
          act(start);
        }
      }}
    >
      {entries.length === 0 && (
        <p>{trans.__('This image has no parameters.')}</p>
      )}
      {gone.length > 0 && (
        <Notice kind="warning">
          {trans.__(
            'This image does not take %1: only what it declares can be set. Containerize the notebook again to declare more.',
            gone.join(', ')
          )}
        </Notice>
      )}
      {entries.map(([name, property]) => (
        <Field
          key={name}
          id={`${id}-${name}`}
          label={`${name} (${typeOf(property)})`}
          hint={property.description}
          problem={shown || form.touched.includes(name) ? problems[name] : null}
        >
          {described => (
            <ParameterInput
              {...described}
              property={property}
              sweep={form.sweep}
              text={form.texts[name] ?? ''}
              onChange={text =>
                setForm({
                  ...form,
                  texts: { ...form.texts, [name]: text },
                  touched: [...form.touched, name]
                })
              }
            />
          )}
        </Field>
      ))}
      {entries.length > 0 && (
        <label className="jp-KernelContainers-check">
          <input
            type="checkbox"
            checked={form.sweep}
            onChange={event =>
              setForm({ ...form, sweep: event.target.checked })
            }
          />
          {trans.__('Sweep: several values per parameter')}
        </label>
      )}
      {swept && (
        <Notice
          kind={swept.combinations.length > LARGEST_SWEEP ? 'warning' : 'info'}
        >
          {trans.__(
            'Separate values by commas, or write a range as 1..10 or 0..1 step 0.1.'
          )}{' '}
          {trans._n('%1 run.', '%1 runs.', swept.count)}
        </Notice>
      )}
      <Fold title={trans.__('Output and limits')}>
        <Field
          id={`${id}-output`}
          label={trans.__('Output')}
          hint={trans.__(
            'A folder or s3://bucket/prefix; empty for the configured place'
          )}
        >
          {described => (
            <input
              {...described}
              className="jp-mod-styled"
              value={form.output}
              onChange={event =>
                setForm({ ...form, output: event.target.value })
              }
            />
          )}
        </Field>
        <div className="jp-KernelContainers-columns">
          <Field
            id={`${id}-memory`}
            label={trans.__('Memory')}
            hint={trans.__('Such as 4g; empty for no limit')}
          >
            {described => (
              <input
                {...described}
                className="jp-mod-styled"
                value={form.memory}
                onChange={event =>
                  setForm({ ...form, memory: event.target.value })
                }
              />
            )}
          </Field>
          <Field
            id={`${id}-timeout`}
            label={trans.__('Time limit (s)')}
            hint={trans.__('Empty for no limit')}
            problem={problems['#timeout']}
          >
            {described => (
              <input
                {...described}
                className="jp-mod-styled"
                inputMode="numeric"
                value={form.timeout}
                onChange={event =>
                  setForm({ ...form, timeout: event.target.value })
                }
              />
            )}
          </Field>
        </div>
        <label className="jp-KernelContainers-check">
          <input
            type="checkbox"
            checked={form.allowErrors}
            onChange={event =>
              setForm({ ...form, allowErrors: event.target.checked })
            }
          />
          {trans.__('Go on after a cell has failed')}
        </label>
      </Fold>
      {error && <ErrorView error={error} />}
      <div className="jp-KernelContainers-buttons">
        {props.onCancel && (
          <Button label={trans.__('Cancel')} onClick={props.onCancel} />
        )}
        <Button
          kind="accept"
          busy={busy}
          label={
            swept
              ? trans._n('Start %1 run', 'Start %1 runs', swept.count)
              : trans.__('Run')
          }
        />
      </div>
    </form>
  );
}

function ParameterInput(props: {
  id: string;
  property: IParameterSchema;
  sweep: boolean;
  text: string;
  onChange: (text: string) => void;
}): JSX.Element {
  const { property, sweep, text, onChange, ...described } = props;
  const { trans } = useServices();
  const type = typeOf(property);
  const choices = property.enum
    ? property.enum.map(choice =>
        typeof choice === 'string' ? choice : JSON.stringify(choice)
      )
    : type === 'bool'
      ? ['true', 'false']
      : null;
  if (property.writeOnly) {
    return (
      <input
        {...described}
        className="jp-mod-styled"
        type="password"
        autoComplete="off"
        placeholder={trans.__('Secret, given for this run only')}
        value={text}
        onChange={event => onChange(event.target.value)}
      />
    );
  }
  if (choices && !sweep) {
    const options = choices.includes(text) ? choices : [text, ...choices];
    return (
      <HTMLSelect
        {...described}
        value={text}
        options={options}
        onChange={event => onChange(event.target.value)}
      />
    );
  }
  if (text.length > 80 || ((type === 'list' || type === 'dict') && !sweep)) {
    return (
      <textarea
        {...described}
        className="jp-mod-styled"
        rows={3}
        value={text}
        onChange={event => onChange(event.target.value)}
      />
    );
  }
  return (
    <input
      {...described}
      className="jp-mod-styled"
      type={type === 'date' && !sweep ? 'date' : 'text'}
      value={text}
      onChange={event => onChange(event.target.value)}
    />
  );
}
