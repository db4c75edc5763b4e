import type { Image, Job } from '../api';
import { shortTitle } from '../components/words';

export const TABS = ['images', 'runs', 'results', 'gallery'] as const;
export type Tab = (typeof TABS)[number];

/** What the panel shows over its lists. */
export type View =
  | { readonly view: 'job'; readonly id: string }
  | {
      readonly view: 'run-form';
      readonly image: string;
      readonly title: string;
      readonly given: Readonly<Record<string, unknown>>;
    }
  | {
      readonly view: 'result';
      readonly notebook: string;
      readonly run: string;
      readonly prefix: string | undefined;
    }
  | { readonly view: 'image'; readonly image: Image }
  | { readonly view: 'space' };

/** Where a run's report is. */
export interface IRunKey {
  readonly notebook: string;
  readonly run: string;
  readonly prefix: string | undefined;
}

export const ORDERS = ['newest', 'oldest', 'name', 'longest', 'state'] as const;
export type Order = (typeof ORDERS)[number];

export interface IPanel {
  readonly tab: Tab;
  readonly views: readonly View[]; // the last one is shown; none shows the tab
  readonly filter: string;
  readonly order: Order; // of the runs
  readonly picked: readonly string[]; // ids of runs to compare
  readonly prefix: string; // of the results; empty for the configured place
}

export type PanelEvent =
  | { type: 'tab'; tab: Tab }
  | { type: 'show'; view: View }
  | { type: 'back' }
  | { type: 'filter'; text: string }
  | { type: 'order'; order: Order }
  | { type: 'pick'; id: string; picked: boolean }
  | { type: 'prefix'; prefix: string };

export const START: IPanel = {
  tab: 'images',
  views: [],
  filter: '',
  order: 'newest',
  picked: [],
  prefix: ''
};

/** Return the panel after an event. */
export function nextPanel(panel: IPanel, event: PanelEvent): IPanel {
  switch (event.type) {
    case 'tab':
      return { ...panel, tab: event.tab, views: [], filter: '', picked: [] };
    case 'show':
      return { ...panel, views: [...panel.views, event.view] };
    case 'back':
      return { ...panel, views: panel.views.slice(0, -1) };
    case 'filter':
      return { ...panel, filter: event.text };
    case 'order':
      return { ...panel, order: event.order };
    case 'pick': {
      const others = panel.picked.filter(id => id !== event.id);
      return {
        ...panel,
        picked: event.picked ? [...others, event.id] : others
      };
    }
    case 'prefix':
      return { ...panel, prefix: event.prefix };
  }
}

/** Return the jobs whose words all stand in their title, notebook, image or state. */
export function matching(jobs: readonly Job[], filter: string): Job[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter(job => {
    const parameters = JSON.stringify(job.request.parameters ?? {});
    const text = [job.title, job.notebook, job.image, job.state, parameters]
      .join(' ')
      .toLowerCase();
    return words.every(word => text.includes(word));
  });
}

/** Return how long a job ran, null where it has not ended. */
export function secondsOf(job: Job): number | null {
  return job.started && job.finished
    ? (Date.parse(job.finished) - Date.parse(job.started)) / 1000
    : null;
}

// What needs somebody comes first.
const STATES: readonly Job['state'][] = [
  'failed',
  'lost',
  'running',
  'cancelling',
  'queued',
  'cancelled',
  'succeeded'
];

/** Return the jobs in an order; those that are equal in it stay newest first. */
export function inOrder(jobs: readonly Job[], order: Order): Job[] {
  const newest = [...jobs].sort((a, b) => b.created.localeCompare(a.created));
  switch (order) {
    case 'newest':
      return newest;
    case 'oldest':
      return newest.reverse();
    case 'name':
      return newest.sort((a, b) =>
        shortTitle(a.title).localeCompare(shortTitle(b.title), undefined, {
          numeric: true
        })
      );
    case 'longest':
      return newest.sort((a, b) => (secondsOf(b) ?? -1) - (secondsOf(a) ?? -1));
    case 'state':
      return newest.sort(
        (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)
      );
  }
}

/** A table of what differs between runs: one row for each name that any of them has. */
export function compareRows(
  columns: readonly Readonly<Record<string, unknown>>[]
): { name: string; values: unknown[]; differs: boolean }[] {
  const names = [...new Set(columns.flatMap(column => Object.keys(column)))];
  return names.map(name => {
    const values = columns.map(column => column[name]);
    const texts = new Set(values.map(value => JSON.stringify(value) ?? ''));
    return { name, values, differs: texts.size > 1 };
  });
}

/** What each part of the panel gets. */
export interface IPanelProps {
  readonly panel: IPanel;
  readonly send: (event: PanelEvent) => void;
}
