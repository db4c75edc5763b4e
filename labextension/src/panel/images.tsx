import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ContainerizeResult, Image, Job } from '../api';
import { useAction, useStart } from '../components/action';
import { Confirm } from '../components/confirm';
import { useServices } from '../components/context';
import { ShowMore, usePages } from '../components/pages';
import { Button, ErrorView } from '../components/parts';
import { Waiting } from '../components/waiting';
import { shortTitle } from '../components/words';
import { lastRun, referenceOf } from './image';
import type { IPanelProps } from './state';

/** Images of ours that the engine has. */
export function ImagesTab({ panel, send }: IPanelProps): JSX.Element {
  const { api, containerize, jobs, trans } = useServices();
  const made = jobs.jobs.filter(
    job => job.kind !== 'run' && job.state === 'succeeded'
  ).length;
  const [round, setRound] = React.useState(0);
  const pages = usePages(
    after => api.images(after),
    'images',
    `${made} ${round}`
  );
  const { value } = pages;
  if (!value) {
    return <Waiting of={pages} text={trans.__('Asking the engine…')} />;
  }
  const images = value.flatMap(page => page.images);
  const pushed = jobs.jobs.filter(
    job =>
      job.kind === 'containerize' &&
      job.state === 'succeeded' &&
      !images.some(image =>
        [...image.names, ...image.digests].includes(placeOf(job))
      )
  );
  if (images.length === 0 && pushed.length === 0) {
    return (
      <>
        <p className="jp-KernelContainers-empty">
          {trans.__('There are no images yet. Make one of a notebook:')}
        </p>
        <div className="jp-KernelContainers-buttons">
          <Button
            kind="accept"
            label={trans.__('Containerize the open notebook')}
            onClick={containerize}
          />
        </div>
      </>
    );
  }
  return (
    <>
      <ul className="jp-KernelContainers-list" aria-label={trans.__('Images')}>
        {images.map(image => (
          <ImageRow
            key={image.id}
            image={image}
            panel={panel}
            send={send}
            onRemoved={() => setRound(round + 1)}
          />
        ))}
      </ul>
      <ShowMore of={pages} />
      {pushed.length > 0 && (
        <>
          <h3>{trans.__('Elsewhere')}</h3>
          <ul className="jp-KernelContainers-list">
            {pushed.map(job => (
              <PushedRow key={job.id} job={job} send={send} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** An image that was made here, and that the engine does not have. */
function PushedRow({
  job,
  send
}: Pick<IPanelProps, 'send'> & { job: Job }): JSX.Element {
  const { format, trans } = useServices();
  const show = ({ id }: Job) =>
    send({ type: 'show', view: { view: 'job', id } });
  const { busy, error, start } = useStart(show);
  const image = (job.result as ContainerizeResult).reference;
  return (
    <li>
      <button
        type="button"
        className="jp-KernelContainers-row"
        onClick={() => show(job)}
      >
        <span className="jp-KernelContainers-rowTitle">{job.image}</span>
        <span className="jp-KernelContainers-hint">
          {format.age(job.finished)}
        </span>
      </button>
      <div className="jp-KernelContainers-actions">
        <Button
          label={trans.__('Pull')}
          busy={busy}
          onClick={() => start({ kind: 'pull', image })}
        />
      </div>
      {error && <ErrorView error={error} />}
    </li>
  );
}

/** Return an image's reference as the engine has it. */
function placeOf(job: Job): string {
  return (job.image ?? '').replace(/^docker:/, '');
}

/** Say under which names an image is known besides the one that is shown. */
function otherNames(image: Image, trans: TranslationBundle): string {
  const others = image.names.slice(1);
  return others.length ? trans.__('also %1', others.join(', ')) : '';
}

function ImageRow(
  props: IPanelProps & { image: Image; onRemoved: () => void }
): JSX.Element {
  const { image, send } = props;
  const { api, format, jobs, trans } = useServices();
  const { busy, error, act } = useAction();
  const reference = referenceOf(image);
  const name = shortTitle(reference);
  const last = lastRun(image, jobs.jobs);
  const run = (given: Readonly<Record<string, unknown>>) =>
    send({
      type: 'show',
      view: { view: 'run-form', image: reference, title: name, given }
    });
  const count = Object.keys(image.parameters.properties ?? {}).length;
  return (
    <li data-image={name}>
      <button
        type="button"
        className="jp-KernelContainers-row jp-KernelContainers-rowTitle"
        title={reference}
        onClick={() => send({ type: 'show', view: { view: 'image', image } })}
      >
        {name}
      </button>
      <div className="jp-KernelContainers-hint">
        {[
          image.title,
          otherNames(image, trans),
          format.bytes(image.size),
          trans._n('%1 parameter', '%1 parameters', count),
          format.age(image.created)
        ]
          .filter(Boolean)
          .join(' · ')}
      </div>
      <div className="jp-KernelContainers-actions">
        <Button kind="accept" label={trans.__('Run')} onClick={() => run({})} />
        {last && (
          <Button
            label={trans.__('Run as last time')}
            onClick={() => run(last.request.parameters ?? {})}
          />
        )}
        <Confirm
          label={trans.__('Delete…')}
          question={trans.__('Delete %1?', name)}
          confirm={trans.__('Delete')}
          busy={busy}
          onConfirm={() =>
            act(() => api.removeImage(image.id).then(props.onRemoved))
          }
        />
      </div>
      {error && <ErrorView error={error} />}
    </li>
  );
}
