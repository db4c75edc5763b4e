import * as React from 'react';

import type { Card } from '../api';
import { useFetched, useServices } from '../components/context';
import { Button, ErrorView } from '../components/parts';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { formatAge } from '../format';

/** What others published. */
export function GalleryTab(): JSX.Element {
  const { api, trans } = useServices();
  const { value, error, again } = useFetched(() => api.gallery({}), 'gallery');
  if (error) {
    return <ErrorView error={error} onRetry={again} />;
  }
  if (!value) {
    return <p role="status">{trans.__('Reading the gallery…')}</p>;
  }
  if (value.cards.length === 0) {
    return (
      <p className="jp-KernelContainers-empty">
        {trans.__('Nothing was published in %1 yet.', value.prefix)}
      </p>
    );
  }
  return (
    <ul className="jp-KernelContainers-list" aria-label={trans.__('Gallery')}>
      {value.cards.map(card => (
        <CardRow key={card.id} card={card} />
      ))}
    </ul>
  );
}

function CardRow({ card }: { card: Card }): JSX.Element {
  const { api, openPage, openPath, trans } = useServices();
  const [error, setError] = React.useState<ApiError | null>(null);
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
          <span className="jp-KernelContainers-rowTitle">{card.title}</span>
          <span className="jp-KernelContainers-hint">
            {[
              authorWord(card.author),
              formatAge(card.published, Date.now(), trans)
            ]
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
          title={trans.__("Copy the notebook into the server's root folder")}
          onClick={() => {
            api.clone(card.id, '').then(
              made => openPath(made.path),
              (reason: unknown) => setError(asApiError(reason))
            );
          }}
        />
      </div>
      {error && <ErrorView error={error} />}
    </li>
  );
}

/** Return an author's name; a server with a token only knows a random one. */
function authorWord(author: string): string {
  return /^[0-9a-f]{32}$/.test(author) ? '' : author;
}
