import type { Job, JobEvent, Stage } from './api';

/** What is known of a job: the server's record, brought up to date by events, and its log. */
export interface IJobView {
  readonly job: Job;
  readonly log: readonly string[];
}

const LONGEST_LOG = 2000; // lines kept of a job's log

/** Whether a job's state is not final. */
export function isActive(job: Pick<Job, 'state'>): boolean {
  return ['queued', 'running', 'cancelling'].includes(job.state);
}

/** Return the view after an event; an event that is known already changes nothing. */
export function applyEvent(view: IJobView, event: JobEvent): IJobView {
  const { job, log } = view;
  const known = event.seq <= job.events;
  switch (event.type) {
    case 'log':
    case 'note':
      // A log is no part of the job's record, so it is replayed from the first event.
      return {
        job: known ? job : { ...job, events: event.seq },
        log: appendLog(log, event)
      };
    case 'state':
      return known
        ? view
        : {
            log,
            job: {
              ...job,
              events: event.seq,
              state: event.state ?? job.state,
              position: event.state === 'queued' ? job.position : null,
              error: event.error ?? job.error
            }
          };
    case 'progress':
      return known
        ? view
        : {
            log,
            job: {
              ...job,
              events: event.seq,
              fraction: event.fraction ?? job.fraction,
              stages: event.stage
                ? withStage(job.stages, event.stage)
                : job.stages
            }
          };
    case 'cell':
      return known
        ? view
        : {
            log,
            job: {
              ...job,
              events: event.seq,
              cell: event.cell ?? job.cell
            }
          };
  }
}

function withStage(stages: readonly Stage[], changed: Stage): Stage[] {
  const found = stages.some(stage => stage.name === changed.name);
  return found
    ? stages.map(stage => (stage.name === changed.name ? changed : stage))
    : [...stages, changed];
}

function appendLog(log: readonly string[], event: JobEvent): string[] {
  const text = event.text ?? '';
  // A stream arrives in pieces that need not end with their line.
  if (
    event.type === 'log' &&
    log.length &&
    !log[log.length - 1].endsWith('\n')
  ) {
    const last = log[log.length - 1];
    return [...log.slice(0, -1), last + text].slice(-LONGEST_LOG);
  }
  const line =
    event.type === 'note' && !text.endsWith('\n') ? `${text}\n` : text;
  return [...log, line].slice(-LONGEST_LOG);
}
