import * as React from 'react';

import type { Inspection, Plan } from '../api';
import { useServices } from '../components/context';
import { Fold, Notice } from '../components/parts';
import { formatBytes, formatSeconds } from '../format';

/** What the image would be made of, and how long that takes. */
export function PlanView({ plan }: { plan: Plan }): JSX.Element {
  const { trans } = useServices();
  const reused = plan.layers.filter(layer => layer.reused).length;
  return (
    <>
      <dl className="jp-KernelContainers-facts" data-plan>
        <dt>{trans.__('Base image')}</dt>
        <dd>{plan.base.name}</dd>
        <dt>{trans.__('Environment')}</dt>
        <dd>{trans.__('Python %1', plan.python)}</dd>
        <dt>{trans.__('Size')}</dt>
        <dd>
          {trans.__(
            '%1 above the base image, of which %2 have to be built',
            formatBytes(plan.size),
            formatBytes(plan.build_size)
          )}
        </dd>
        <dt>{trans.__('Time')}</dt>
        <dd>
          {plan.send_size
            ? trans.__(
                'about %1, with some %2 to send',
                formatSeconds(plan.seconds),
                formatBytes(plan.send_size)
              )
            : trans.__('about %1', formatSeconds(plan.seconds))}
        </dd>
        {plan.user_reason && (
          <>
            <dt>{trans.__('User')}</dt>
            <dd>
              {plan.user}: {plan.user_reason}
            </dd>
          </>
        )}
      </dl>
      {plan.warnings.map(warning => (
        <Notice key={warning} kind="warning">
          {warning}
        </Notice>
      ))}
      {plan.notes.map(note => (
        <Notice key={note} kind="info">
          {note}
        </Notice>
      ))}
      <Fold
        title={trans.__(
          'Layers: %1, of which %2 are reused',
          plan.layers.length,
          reused
        )}
      >
        <table className="jp-KernelContainers-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Layer')}</th>
              <th scope="col">{trans.__('Files')}</th>
              <th scope="col">{trans.__('Size')}</th>
              <th scope="col">{trans.__('Reused')}</th>
            </tr>
          </thead>
          <tbody>
            {plan.layers.map((layer, index) => (
              <tr key={index}>
                <th scope="row">{layer.name}</th>
                <td>{layer.files}</td>
                <td>{formatBytes(layer.size)}</td>
                <td>{layer.reused ? trans.__('yes') : trans.__('no')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Fold>
      <Fold title={trans.__('Files: %1', plan.files.length)}>
        <ul className="jp-KernelContainers-plain">
          {plan.files.map(file => (
            <li key={file}>
              <code>{file}</code>
            </li>
          ))}
        </ul>
      </Fold>
      {plan.exclusions.length > 0 && (
        <Fold title={trans.__('Left out: %1', plan.exclusions.length)}>
          <ul className="jp-KernelContainers-plain">
            {plan.exclusions.map(item => (
              <li key={item.path}>
                <code>{item.path}</code> {item.reason}
              </li>
            ))}
          </ul>
        </Fold>
      )}
    </>
  );
}

/** What speaks against running the notebook unattended. */
export function Fitness({
  inspection
}: {
  inspection: Inspection;
}): JSX.Element | null {
  const { trans } = useServices();
  const { problems } = inspection;
  if (problems.length === 0) {
    return null;
  }
  const errors = problems.filter(problem => problem.severity === 'error');
  return (
    <Fold
      open={errors.length > 0}
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
