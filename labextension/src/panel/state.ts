import type { Image, Job } from '../api';

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

export interface IPanel {
  readonly tab: Tab;
  readonly views: readonly View[]; // the last one is shown; none shows the tab
  readonly filter: string;
  readonly picked: readonly string[]; // ids of runs to compare
  readonly prefix: string; // of the results; empty for the configured place
}

export type PanelEvent =
  | { type: 'tab'; tab: Tab }
  | { type: 'show'; view: View }
  | { type: 'back' }
  | { type: 'filter'; text: string }
  | { type: 'pick'; id: string; picked: boolean }
  | { type: 'prefix'; prefix: string };

export const START: IPanel = {
  tab: 'images',
  views: [],
  filter: '',
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
