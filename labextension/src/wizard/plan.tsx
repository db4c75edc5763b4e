import * as React from 'react';

import type { Plan } from '../api';
import { useServices } from '../components/context';
import { Fold, Notice } from '../components/parts';

/** What the image would be made of, and how long that takes. */
export function PlanView({ plan }: { plan: Plan }): JSX.Element {
  const { format, trans } = useServices();
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
          {plan.build_size < plan.size
            ? trans.__(
                '%1 on top of the base image, of which %2 are new',
                format.bytes(plan.size),
                format.bytes(plan.build_size)
              )
            : trans.__('%1 on top of the base image', format.bytes(plan.size))}
        </dd>
        <dt>{trans.__('Time')}</dt>
        <dd>
          {plan.send_size
            ? trans.__(
                'about %1, with some %2 to send',
                format.seconds(plan.seconds),
                format.bytes(plan.send_size)
              )
            : trans.__('about %1', format.seconds(plan.seconds))}
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
      {plan.warnings.map(({ message }) => (
        <Notice key={message} kind="warning">
          {message}
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
                <td>{format.count(layer.files)}</td>
                <td>{format.bytes(layer.size)}</td>
                <td>{layer.reused ? trans.__('yes') : trans.__('no')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Fold>
    </>
  );
}
