import * as React from 'react';

import type { Card } from '../api';
import { useAction } from '../components/action';
import { useServices } from '../components/context';
import { ShowMore, usePages } from '../components/pages';
import { Button, ErrorView } from '../components/parts';
import { Waiting } from '../components/waiting';
import type { IPanelProps } from './state';

/** What others published. */
export function GalleryTab({ send }: Pick<IPanelProps, 'send'>): JSX.Element {
  const { api, trans } = useServices();
  const pages = usePages(after => api.gallery({ after }), 'gallery', '');
  const { value } = pages;
  if (!value) {
    return <Waiting of={pages} text={trans.__('Reading the gallery…')} />;
  }
  const cards = value.flatMap(page => page.cards);
  if (cards.length === 0) {
    return (
      <p className="jp-KernelContainers-empty">
        {trans.__(
          'Nothing was published in %1 yet. Choose Publish below the results of a run, or for a notebook in the file browser.',
          value[0].prefix
        )}
      </p>
    );
  }
  return (
    <>
      <ul className="jp-KernelContainers-list" aria-label={trans.__('Gallery')}>
        {cards.map(card => (
          <CardRow key={card.id} card={card} send={send} />
        ))}
      </ul>
      <ShowMore of={pages} />
    </>
  );
}

function CardRow({
  card,
  send
}: Pick<IPanelProps, 'send'> & { card: Card }): JSX.Element {
  const { api, format, openPage, openPath, pickFolder, trans } = useServices();
  const { busy, error, act } = useAction();
  const clone = async () => {
    const folder = await pickFolder(trans.__('Clone “%1” into', card.title));
    if (folder !== null) {
      openPath((await api.clone(card.id, folder)).path);
    }
  };
  return (
    <li data-card={card.id}>
      <div className="jp-KernelContainers-card">
        {card.thumbnail && (
          <img
            alt=""
            loading="lazy"
            src={api.galleryUrl(card.id, 'thumbnail')}
          />
        )}
        <span>
          <span className="jp-KernelContainers-rowTitle" title={card.title}>
            {card.title}
          </span>
          <span className="jp-KernelContainers-hint">
            {[authorWord(card.author), format.age(card.published)]
              .filter(Boolean)
              .join(' · ')}
          </span>
          <span>{card.description}</span>
        </span>
      </div>
      <div className="jp-KernelContainers-actions">
        <Button
          kind="accept"
          label={trans.__('Open page')}
          onClick={() => openPage(api.galleryUrl(card.id, 'html'), card.title)}
        />
        <Button
          label={trans.__('Clone')}
          title={trans.__('Copy the notebook into a folder of yours')}
          busy={busy}
          onClick={() => act(clone)}
        />
        {card.image && (
          <Button
            label={trans.__('Run')}
            title={trans.__('Run its image: %1', card.image)}
            onClick={() =>
              send({
                type: 'show',
                view: {
                  view: 'run-form',
                  image: String(card.image),
                  title: card.title,
                  given: card.parameters
                }
              })
            }
          />
        )}
      </div>
      {error && <ErrorView error={error} />}
    </li>
  );
}

/** Return an author's name; a server with a token only knows a random one. */
function authorWord(author: string): string {
  return /^[0-9a-f]{32}$/.test(author) ? '' : author;
}
