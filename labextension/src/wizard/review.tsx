import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Job, Plan } from '../api';
import { useServices } from '../components/context';
import { Copyable, ErrorView, Fold, Notice } from '../components/parts';
import type { ApiError } from '../errors';
import { FilesView } from './files';
import { Fitness } from './fitness';
import { PlanView } from './plan';
import { movesTag, needsRepository } from './problems';
import { defaultsOf, destinationText } from './requests';
import { chosenNames, untoldProblems } from './state';
import type { Fetched, IConsent, Step } from './state';
import type { IStepProps } from './reducer';

/** What would be built, before anything is. */
export function ReviewStep({ wizard, send }: IStepProps): JSX.Element {
  const { trans } = useServices();
  const { plan, target } = wizard;
  const names = chosenNames(wizard);
  // While it is made anew the one before is shown: what is clicked on stays where it is.
  const before = React.useRef<Plan | null>(null);
  before.current =
    plan.status === 'ready'
      ? plan.value
      : plan.status === 'loading'
        ? before.current
        : null;
  const planned = before.current;
  const secrets = names.filter(name => wizard.choices[name].secret);
  return (
    <>
      <dl className="jp-KernelContainers-facts">
        <Line
          label={trans.__('Title')}
          step="name"
          send={send}
          text={wizard.title}
        />
        {wizard.description && (
          <Line
            label={trans.__('Description')}
            step="name"
            send={send}
            text={wizard.description}
          />
        )}
        <Line
          label={trans.__('Image')}
          step="destination"
          send={send}
          text={<code>{destinationText(wizard)}</code>}
        />
        <Line
          label={trans.__('Parameters')}
          step="parameters"
          send={send}
          text={names.length ? names.join(', ') : trans.__('none')}
        />
        {secrets.length > 0 && (
          <Line
            label={trans.__('Secrets')}
            step="parameters"
            send={send}
            text={trans.__('%1: asked for at each run', secrets.join(', '))}
          />
        )}
      </dl>
      {plan.status === 'loading' && (
        <p role="status">
          {trans.__(
            'Looking at the notebook, its environment and the destination…'
          )}
        </p>
      )}
      {plan.status === 'failed' && (
        <ErrorView
          error={plan.error}
          onRetry={() => send({ type: 'plan-again' })}
        />
      )}
      {target.status === 'failed' && !isSaid(target.error, plan) && (
        <ErrorView
          error={target.error}
          onRetry={() => send({ type: 'plan-again' })}
        />
      )}
      <Fitness problems={untoldProblems(wizard)} />
      {planned && <PlanView plan={planned} />}
      <FilesView wizard={wizard} send={send} plan={planned} />
      {plan.status === 'ready' && plan.value.findings.length > 0 && (
        <Notice kind="warning">
          <strong>
            {trans._n(
              'A likely secret would enter the image:',
              '%1 likely secrets would enter the image:',
              plan.value.findings.length
            )}
          </strong>
          <ul>
            {plan.value.findings.map(finding => (
              <li key={`${finding.where} ${finding.rule}`}>
                {finding.where}: {finding.rule} <code>{finding.excerpt}</code>
              </li>
            ))}
          </ul>
          <Consent
            name="secrets"
            wizard={wizard}
            send={send}
            label={trans.__('None of these is a secret')}
          />
        </Notice>
      )}
      {needsRepository(wizard) && (
        <Notice kind="info">
          {trans.__('The repository does not exist yet.')}
          <Consent
            name="repository"
            wizard={wizard}
            send={send}
            label={trans.__('Create the repository')}
          />
        </Notice>
      )}
      <SameNotebook notebook={wizard.notebook} />
      {movesTag(wizard) && (
        <Notice kind="warning">
          {trans.__('The name stands for another image already.')}
          <Consent
            name="overwrite"
            wizard={wizard}
            send={send}
            label={trans.__('Move the tag to the new image')}
          />
        </Notice>
      )}
      {names.length > 0 && (
        <Fold title={trans.__('Default values')}>
          <Copyable
            label={trans.__('Defaults')}
            text={JSON.stringify(defaultsOf(wizard), null, 1)}
          />
        </Fold>
      )}
      {plan.status === 'ready' && (
        <Fold title={trans.__('The same in a terminal')}>
          <Copyable
            label={trans.__('Equivalent command')}
            text={plan.value.command}
          />
        </Fold>
      )}
    </>
  );
}

/** Says that an image of the notebook is being made, also where another page began it just now. */
function SameNotebook({ notebook }: { notebook: string }): JSX.Element {
  const { jobs, trans } = useServices();
  const isSame = (job: Job) =>
    job.kind === 'containerize' && job.notebook === notebook;
  return (
    <UseSignal signal={jobs.changed}>
      {() =>
        jobs.active.some(isSame) && (
          <Notice kind="warning">
            {trans.__(
              'An image of this notebook is being made already; this would be another one.'
            )}
          </Notice>
        )
      }
    </UseSignal>
  );
}

/** Whether the plan failed for the same reason. */
function isSaid(error: ApiError, plan: Fetched<Plan>): boolean {
  return plan.status === 'failed' && plan.error.what === error.what;
}

function Line(props: {
  label: string;
  text: React.ReactNode;
  step: Step;
  send: IStepProps['send'];
}): JSX.Element {
  const { trans } = useServices();
  return (
    <>
      <dt>{props.label}</dt>
      <dd>
        {props.text}{' '}
        <button
          type="button"
          className="jp-KernelContainers-link"
          aria-label={trans.__('Edit %1', props.label)}
          onClick={() => props.send({ type: 'go', step: props.step })}
        >
          {trans.__('Edit')}
        </button>
      </dd>
    </>
  );
}

function Consent(
  props: IStepProps & { name: keyof IConsent; label: string }
): JSX.Element {
  const { name, wizard, send } = props;
  return (
    <label className="jp-KernelContainers-check">
      <input
        type="checkbox"
        checked={wizard.consent[name]}
        onChange={event =>
          send({ type: 'consent', change: { [name]: event.target.checked } })
        }
      />
      {props.label}
    </label>
  );
}
