import * as React from 'react';

import { useServices } from '../components/context';
import { Button, ErrorView, Field, Notice } from '../components/parts';
import { nameProblem } from './problems';
import type { IStepProps } from './reducer';
import type { Saved } from './state';
import { problemWord } from './words';

const LONGEST_DESCRIPTION = 500;

/** What the image is called. */
export function NameStep(
  props: IStepProps & { saved: Saved | null; onStartOver: () => void }
): JSX.Element {
  const { wizard, send } = props;
  const { addKernel, trans } = useServices();
  const ready = wizard.inspection.status === 'ready';
  const problem = ready || wizard.name ? nameProblem(wizard.name) : null;
  const kernelProblem =
    wizard.inspection.status === 'ready'
      ? wizard.inspection.value.kernel.problem
      : null;
  return (
    <>
      {props.saved === 'done' && (
        <Notice kind="info">{trans.__('The notebook was saved.')}</Notice>
      )}
      {props.saved === 'failed' && (
        <Notice kind="warning">
          {trans.__(
            'The notebook could not be saved, so its image would have the notebook as it was saved last.'
          )}
        </Notice>
      )}
      {wizard.restored && (
        <Notice kind="info">
          {trans.__('What you typed here before was restored.')}{' '}
          <Button
            kind="minimal"
            label={trans.__('Start over')}
            onClick={props.onStartOver}
          />
        </Notice>
      )}
      {wizard.inspection.status === 'failed' && (
        <ErrorView
          error={wizard.inspection.error}
          onRetry={() => send({ type: 'inspect-again' })}
        />
      )}
      {kernelProblem && (
        <>
          <ErrorView error={kernelProblem} />
          <div className="jp-KernelContainers-buttons">
            <Button
              label={trans.__('Add Containerized Kernel…')}
              onClick={addKernel}
            />
          </div>
        </>
      )}
      <Field
        id="jp-kc-name"
        label={trans.__('Name')}
        hint={trans.__('The image’s repository gets this name.')}
        problem={problem && problemWord(problem, trans)}
      >
        {described => (
          <input
            {...described}
            className="jp-mod-styled"
            autoComplete="off"
            spellCheck={false}
            value={wizard.name}
            onChange={event =>
              send({ type: 'edit', field: 'name', text: event.target.value })
            }
          />
        )}
      </Field>
      <Field
        id="jp-kc-title"
        label={trans.__('Title')}
        problem={
          ready && !wizard.title ? problemWord('title-missing', trans) : null
        }
      >
        {described => (
          <input
            {...described}
            className="jp-mod-styled"
            maxLength={200}
            value={wizard.title}
            onChange={event =>
              send({ type: 'edit', field: 'title', text: event.target.value })
            }
          />
        )}
      </Field>
      <Field
        id="jp-kc-description"
        label={trans.__('Description')}
        hint={trans.__(
          '%1 of %2 characters',
          wizard.description.length,
          LONGEST_DESCRIPTION
        )}
      >
        {described => (
          <textarea
            {...described}
            className="jp-mod-styled"
            rows={3}
            maxLength={LONGEST_DESCRIPTION}
            value={wizard.description}
            onChange={event =>
              send({
                type: 'edit',
                field: 'description',
                text: event.target.value
              })
            }
          />
        )}
      </Field>
    </>
  );
}
