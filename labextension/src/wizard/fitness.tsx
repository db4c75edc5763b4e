import * as React from 'react';

import type { Inspection } from '../api';
import { useServices } from '../components/context';
import { Fold } from '../components/parts';

/** What speaks against running a notebook unattended. */
export function Fitness({
  problems
}: {
  problems: Inspection['problems'];
}): JSX.Element | null {
  const { trans } = useServices();
  if (problems.length === 0) {
    return null;
  }
  return (
    <Fold
      open={problems.some(problem => problem.severity === 'error')}
      title={trans._n(
        'Fitness to run unattended: %1 remark',
        'Fitness to run unattended: %1 remarks',
        problems.length
      )}
    >
      <ul className="jp-KernelContainers-plain" data-fitness>
        {problems.map((problem, index) => (
          <li key={index} className={`jp-mod-${problem.severity}`}>
            {problem.cell === null
              ? ''
              : `${trans.__('Cell %1', problem.cell + 1)}: `}
            {problem.message}{' '}
            <span className="jp-KernelContainers-hint">{problem.todo}</span>
          </li>
        ))}
      </ul>
    </Fold>
  );
}
