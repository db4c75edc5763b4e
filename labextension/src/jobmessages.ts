import type { Job } from './api';
import { isActive } from './jobstate';

/** What a page knows of jobs, so that it can tell about each end once. */
export interface IStock {
  readonly going: readonly Job[];
  /** Jobs that ended since the last look; those of one group together, after the last of them. */
  readonly ended: readonly (readonly Job[])[];
  /** Ids of jobs whose end was not told yet. */
  readonly open: ReadonlySet<string>;
}

/** Return what goes on and what ended, given the ids whose end was not told yet. */
export function takeStock(
  open: ReadonlySet<string>,
  jobs: readonly Job[]
): IStock {
  const going = jobs.filter(isActive);
  const busy = new Set(going.map(groupOf));
  const ended = new Map<string, Job[]>();
  const stillOpen = new Set(going.map(job => job.id));
  for (const job of jobs) {
    if (isActive(job) || !open.has(job.id)) {
      continue;
    }
    const group = groupOf(job);
    if (busy.has(group)) {
      stillOpen.add(job.id);
    } else {
      ended.set(group, [...(ended.get(group) ?? []), job]);
    }
  }
  return { going, ended: [...ended.values()], open: stillOpen };
}

function groupOf(job: Job): string {
  const { group } = job.request as { group?: string };
  return group ? `group ${group}` : job.id;
}
