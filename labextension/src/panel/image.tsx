import * as React from 'react';

import type { IParametersSchema, Image, Job, RunResult } from '../api';
import { useStart } from '../components/action';
import { useFetched, useServices } from '../components/context';
import { Button, Copyable, ErrorView, Field, Fold } from '../components/parts';
import { shortTitle } from '../components/words';
import { formatValue } from '../format';
import { typeOf } from '../values';
import type { IPanelProps } from './state';

/** Return the name by which an image is run. */
export function referenceOf(image: Image): string {
  return image.names[0] ?? image.digests[0] ?? image.id;
}

/** Return the newest run of an image that is known here. */
export function lastRun(image: Image, jobs: readonly Job[]): Job | undefined {
  const names = [...image.names, ...image.digests, image.id];
  return jobs.find(
    job =>
      job.kind === 'run' &&
      names.includes((job.image ?? '').replace(/^docker:/, ''))
  );
}

/** What an image is, what it takes, and where else it can go. */
export function ImageView({
  image,
  send
}: Pick<IPanelProps, 'send'> & { image: Image }): JSX.Element {
  const { format, jobs, trans } = useServices();
  const reference = referenceOf(image);
  const name = shortTitle(reference);
  const result = lastRun(image, jobs.jobs)?.result as
    RunResult | null | undefined;
  const facts: [string, React.ReactNode][] = [
    [trans.__('Title'), image.title],
    [trans.__('Description'), image.description],
    [trans.__('Other names'), image.names.slice(1).join(', ')],
    [
      trans.__('Notebook'),
      image.notebook && <NotebookPath path={image.notebook} />
    ],
    [trans.__('Kernel'), image.kernel],
    [trans.__('Base image'), image.base],
    [trans.__('Size'), format.bytes(image.size)]
  ];
  const { properties = {} } = image.parameters as IParametersSchema;
  const parameters = Object.entries(properties);
  return (
    <>
      <h3 tabIndex={-1}>{name}</h3>
      <div className="jp-KernelContainers-actions">
        <Button
          kind="accept"
          label={trans.__('Run')}
          onClick={() =>
            send({
              type: 'show',
              view: {
                view: 'run-form',
                image: reference,
                title: name,
                given: {}
              }
            })
          }
        />
      </div>
      <dl className="jp-KernelContainers-facts jp-mod-compact">
        {facts
          .filter(([, fact]) => fact)
          .map(([label, fact]) => (
            <React.Fragment key={label}>
              <dt>{label}</dt>
              <dd>{fact}</dd>
            </React.Fragment>
          ))}
      </dl>
      <Copyable label={trans.__('Image reference')} text={reference} />
      <Copyable
        label={trans.__('Command to run it')}
        text={result?.docker_run ?? `docker run --rm ${reference} --describe`}
      />
      <h4>{trans._n('%1 parameter', '%1 parameters', parameters.length)}</h4>
      <dl className="jp-KernelContainers-facts jp-mod-compact">
        {parameters.map(([parameter, schema]) => (
          <React.Fragment key={parameter}>
            <dt>
              <code>{parameter}</code>
            </dt>
            <dd>
              {typeOf(schema)}
              {'default' in schema && !schema.writeOnly
                ? ` = ${formatValue(schema.default)}`
                : ''}
              <div className="jp-KernelContainers-hint">
                {schema.description}
              </div>
            </dd>
          </React.Fragment>
        ))}
      </dl>
      <Push reference={reference} name={name} send={send} />
    </>
  );
}

/** A notebook's path in its image, as a link where this server has that file, too. */
function NotebookPath({ path }: { path: string }): JSX.Element {
  const { api, openPath } = useServices();
  const { value } = useFetched(() => api.health(), 'health');
  const root = value && `${value.root_dir.replace(/\/$/, '')}/`;
  if (!root || !path.startsWith(root)) {
    return <>{path}</>;
  }
  const own = path.slice(root.length);
  return (
    <button
      type="button"
      className="jp-KernelContainers-link"
      onClick={() => openPath(own)}
    >
      {own}
    </button>
  );
}

/** Bring an image that only this machine has to a registry. */
function Push(
  props: Pick<IPanelProps, 'send'> & { reference: string; name: string }
): JSX.Element {
  const { trans } = useServices();
  const id = React.useId();
  const [to, setTo] = React.useState('');
  const [agreed, setAgreed] = React.useState(false);
  const { busy, error, start } = useStart(job =>
    props.send({ type: 'show', view: { view: 'job', id: job.id } })
  );
  return (
    <Fold title={trans.__('Push')}>
      <Field
        id={`${id}-to`}
        label={trans.__('To')}
        hint={trans.__(
          'Such as registry.example/team/%1',
          props.name.split('@')[0]
        )}
      >
        {described => (
          <input
            {...described}
            className="jp-mod-styled"
            spellCheck={false}
            value={to}
            onChange={event => setTo(event.target.value)}
          />
        )}
      </Field>
      <label className="jp-KernelContainers-check">
        <input
          type="checkbox"
          checked={agreed}
          onChange={event => setAgreed(event.target.checked)}
        />
        {trans.__('Create the repository, or move the tag')}
      </label>
      {error && <ErrorView error={error} />}
      <div className="jp-KernelContainers-buttons">
        <Button
          label={trans.__('Push')}
          busy={busy}
          reason={
            to.trim() ? null : trans.__('Name a registry and a repository.')
          }
          onClick={() =>
            start({
              kind: 'push',
              image: props.reference,
              to: to.trim(),
              create_repository: agreed,
              overwrite: agreed
            })
          }
        />
      </div>
    </Fold>
  );
}
