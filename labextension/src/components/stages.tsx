import * as React from 'react';

import type { Job, Stage } from '../api';
import type { Format } from '../format';
import { isActive } from '../jobstate';
import { useServices } from './context';
import { Bar, StateMark } from './parts';
import { stageWord } from './words';

/** How far each stage of a job has come, and in which one it ended too early. */
export function Stages({ job }: { job: Job }): JSX.Element {
  const { format, trans } = useServices();
  const { stages } = job;
  const last = endedIn(job);
  return (
    <ul className="jp-KernelContainers-stages" aria-label={trans.__('Stages')}>
      {stages.map(stage => (
        <li key={stage.name} data-stage={stage.name} data-ended={stage.ended}>
          {stage === last ? (
            <StateMark state={job.state} />
          ) : (
            <span aria-hidden className="jp-KernelContainers-stageMark">
              {stage.ended ? '✓' : '▸'}
            </span>
          )}
          <span className="jp-KernelContainers-stageName">
            {stageWord(stage.name, trans)}
          </span>
          <span className="jp-KernelContainers-stageMessage">
            {stage.ended || stage.name.endsWith(stage.message)
              ? ''
              : stage.message}
          </span>
          <span className="jp-KernelContainers-stageCount">
            {countOf(stage, format)}
          </span>
          <span className="jp-KernelContainers-stageTime">
            {format.seconds(stage.seconds)}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Return the stage in which a job failed or was stopped; a run's cells are no stage. */
function endedIn({ cell, stages, state }: Job): Stage | null {
  const isEarly = ['failed', 'cancelled', 'lost'].includes(state) && !cell;
  return isEarly ? stages[stages.length - 1] : null;
}

function countOf({ done, total, unit }: Stage, format: Format): string {
  const show = (count: number) =>
    unit === 'bytes' ? format.bytes(count) : format.count(count);
  if (total && done < total) {
    return `${show(done)} / ${show(total)}`;
  }
  return done ? show(done) : '';
}

/** The cell that a run executes. */
export function CellLine({ job }: { job: Job }): JSX.Element | null {
  const { trans } = useServices();
  const cell = job.cell;
  if (!cell) {
    return null;
  }
  // Once the run has ended its outcome says so.
  const error = isActive(job) && cell.error;
  const finished = cell.number - (cell.status === 'running' ? 1 : 0);
  const place = trans.__('Cell %1 of %2', cell.number, cell.count);
  return (
    <div className="jp-KernelContainers-cell">
      <span data-cell={cell.number}>{place}</span>
      <Bar label={place} fraction={finished / Math.max(1, cell.count)} />
      {error && <pre className="jp-KernelContainers-cellError">{error}</pre>}
    </div>
  );
}
