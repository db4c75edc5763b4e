import * as React from 'react';

import type { ApiError } from '../errors';
import { useAction } from './action';
import { useFetched, useServices } from './context';
import type { IFetched } from './context';
import { Button, ErrorView } from './parts';

interface IPage {
  readonly next: string | null; // where the next one begins
}

/** The pages that were asked for, or why the first one did not come. */
export interface IPages<P> extends IFetched<readonly P[]> {
  readonly busy: boolean;
  readonly failed: ApiError | null; // why there is not one more page
  readonly more: (() => void) | null; // null where there are no more
}

/**
 * Return a list page by page. When its `state` changes, all pages that are shown come anew; another
 * `list` begins with its first one.
 */
export function usePages<P extends IPage>(
  fetch: (after?: string) => Promise<P>,
  list: string,
  state: string | number
): IPages<P> {
  const shown = React.useRef({ list, count: 1 });
  if (shown.current.list !== list) {
    shown.current = { list, count: 1 };
  }
  const fetched = useFetched(
    () => fetchPages(fetch, shown.current.count),
    `${list} ${state}`
  );
  const first = fetched.value;
  const [older, setOlder] = React.useState<{
    after: readonly P[] | null; // the pages that they belong to
    pages: readonly P[];
  }>({ after: null, pages: [] });
  const { busy, error, act } = useAction();
  const rest = older.after === first ? older.pages : [];
  const pages = first && [...first, ...rest];
  const next = pages?.[pages.length - 1].next;
  const more = async (after: string) => {
    const page = await fetch(after);
    shown.current.count += 1;
    setOlder({ after: first, pages: [...rest, page] });
  };
  return {
    ...fetched,
    value: pages,
    busy,
    failed: error,
    more: next ? () => act(() => more(next)) : null
  };
}

async function fetchPages<P extends IPage>(
  fetch: (after?: string) => Promise<P>,
  count: number
): Promise<readonly P[]> {
  let page = await fetch();
  const pages = [page];
  while (page.next && pages.length < count) {
    page = await fetch(page.next);
    pages.push(page);
  }
  return pages;
}

/** The way to the next page, where there is one. */
export function ShowMore({
  of
}: {
  of: Pick<IPages<unknown>, 'busy' | 'failed' | 'more'>;
}): JSX.Element {
  const { trans } = useServices();
  return (
    <>
      {of.failed && <ErrorView error={of.failed} />}
      {of.more && (
        <Button
          label={trans.__('Show more')}
          busy={of.busy}
          onClick={of.more}
        />
      )}
    </>
  );
}
