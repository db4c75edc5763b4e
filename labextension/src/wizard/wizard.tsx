import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useServices } from '../components/context';
import { JobView } from '../components/jobview';
import { Button, ErrorView } from '../components/parts';
import { asApiError } from '../errors';
import { newToken, tokenAfter } from '../jobs';
import { DestinationStep } from './destination';
import { keepDestination } from './destinations';
import { NameStep } from './name';
import { ParametersStep } from './parameters';
import { ReviewStep } from './review';
import { problemOf } from './problems';
import { useInspection, usePlan } from './questions';
import { next } from './reducer';
import type { IStepProps } from './reducer';
import { jobRequest } from './requests';
import { STEPS } from './state';
import type { IWizard, Saved, Step } from './state';
import { problemWord, stepWord } from './words';

/** The way from a notebook to an image, in five steps. */
export function Wizard(props: {
  fresh: IWizard; // without what was typed at an earlier time
  initial: IWizard;
  saving: Promise<Saved | null>;
  onState: (wizard: IWizard) => void;
  onCell?: (index: number) => void;
  close: () => void;
}): JSX.Element {
  const { trans } = useServices();
  const [wizard, send] = React.useReducer(next, props.initial);
  const { onState } = props;
  React.useEffect(() => onState(wizard), [wizard, onState]);
  const [saved, setSaved] = React.useState<Saved | null>(null);
  React.useEffect(() => {
    void props.saving.then(setSaved);
  }, [props.saving]);
  useInspection(wizard, send, saved !== null);
  usePlan(wizard, send);

  const heading = React.useRef<HTMLHeadingElement>(null);
  const opened = React.useRef(false);
  React.useEffect(() => {
    // On opening the focus is on the first field.
    if (opened.current) {
      heading.current?.focus();
      heading.current?.parentElement?.scrollTo(0, 0); // the steps above it
    }
    opened.current = true;
  }, [wizard.step]);

  return (
    <div className="jp-KernelContainers-wizard jp-mod-steady">
      <Steps wizard={wizard} send={send} />
      <h2
        tabIndex={-1}
        ref={heading}
        className="jp-KernelContainers-heading"
        data-step={wizard.step}
      >
        {stepWord(wizard.step, trans)}
      </h2>
      <div
        className="jp-KernelContainers-step"
        onKeyDown={event => {
          if (isEnterInField(event)) {
            event.preventDefault();
            send({ type: 'go-on' });
          }
        }}
      >
        <StepBody {...props} saved={saved} wizard={wizard} send={send} />
      </div>
      <Navigation wizard={wizard} send={send} close={props.close} />
    </div>
  );
}

/** Whether Enter was pressed where it means no more than that one has typed what is wanted. */
function isEnterInField(event: React.KeyboardEvent): boolean {
  const { target } = event;
  return (
    event.key === 'Enter' &&
    !event.nativeEvent.isComposing &&
    !event.isDefaultPrevented() &&
    target instanceof HTMLInputElement &&
    ['text', 'radio'].includes(target.type) &&
    !target.closest('form')
  );
}

function StepBody(
  props: IStepProps & {
    fresh: IWizard;
    saved: Saved | null;
    onCell?: (index: number) => void;
  }
): JSX.Element {
  const { wizard, send } = props;
  const { trans } = useServices();
  const [followed, setFollowed] = React.useState<string | null>(null);
  const runHeading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => {
    runHeading.current?.focus(); // which brings it into sight, too
  }, [followed]);
  switch (wizard.step) {
    case 'name':
      return (
        <NameStep
          wizard={wizard}
          send={send}
          saved={props.saved}
          onStartOver={() => send({ type: 'start-over', fresh: props.fresh })}
        />
      );
    case 'parameters':
      return (
        <ParametersStep wizard={wizard} send={send} onCell={props.onCell} />
      );
    case 'destination':
      return <DestinationStep wizard={wizard} send={send} />;
    case 'review':
      return <ReviewStep wizard={wizard} send={send} />;
    case 'progress':
      return (
        <>
          {followed && (
            <>
              <h3 tabIndex={-1} ref={runHeading}>
                {trans.__('Run')}
              </h3>
              <JobView key={followed} id={followed} />
              <h3>{trans.__('Image')}</h3>
            </>
          )}
          {wizard.job && (
            <JobView
              key={wizard.job.id}
              id={wizard.job.id}
              brief={followed !== null}
              onChange={() =>
                send({ type: 'change-and-retry', token: newToken() })
              }
              onOther={job => {
                if (job.kind === 'run') {
                  setFollowed(job.id);
                } else {
                  send({ type: 'started', job });
                }
              }}
            />
          )}
        </>
      );
  }
}

function Steps({ wizard, send }: IStepProps): JSX.Element {
  const { trans } = useServices();
  const current = STEPS.indexOf(wizard.step);
  const locked = wizard.step === 'progress';
  return (
    <ol className="jp-KernelContainers-steps" aria-label={trans.__('Steps')}>
      {STEPS.map((step: Step, index) => (
        <li
          key={step}
          aria-current={index === current ? 'step' : undefined}
          className={index < current ? 'jp-mod-done' : undefined}
        >
          {index < current && !locked ? (
            <button
              type="button"
              className="jp-KernelContainers-link"
              onClick={() => send({ type: 'go', step })}
            >
              {index + 1}. {stepWord(step, trans)}
            </button>
          ) : (
            <span>
              {index + 1}. {stepWord(step, trans)}
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

function Navigation(props: IStepProps & { close: () => void }): JSX.Element {
  const { wizard, send, close } = props;
  const { jobs, state, trans } = useServices();
  const current = STEPS.indexOf(wizard.step);
  const problem = problemOf(wizard);
  const reason = problem ? problemWord(problem, trans) : null;

  const start = async () => {
    send({ type: 'start' });
    try {
      const job = await jobs.start(jobRequest(wizard));
      send({ type: 'started', job });
      void keepDestination(state, wizard.notebook, wizard.destination);
    } catch (reason) {
      const error = asApiError(reason);
      const token = tokenAfter(error, wizard.token);
      send({ type: 'start-failed', error, token });
    }
  };
  if (wizard.step === 'progress') {
    return (
      <div className="jp-KernelContainers-nav">
        <UseSignal signal={jobs.changed}>
          {() => (
            <span className="jp-KernelContainers-hint">
              {jobs.active.some(job => jobs.isWatched(job.id)) &&
                trans.__(
                  'Closing this does not stop it: the panel Containers shows it.'
                )}
            </span>
          )}
        </UseSignal>
        <Button label={trans.__('Close')} onClick={close} />
      </div>
    );
  }
  return (
    <>
      {wizard.startError && <ErrorView error={wizard.startError} />}
      <div className="jp-KernelContainers-nav">
        <span className="jp-KernelContainers-hint" id="jp-kc-reason">
          {wizard.inspection.status === 'loading' ? '' : reason}
        </span>
        {current > 0 && (
          <Button
            label={trans.__('Back')}
            onClick={() => send({ type: 'go', step: STEPS[current - 1] })}
          />
        )}
        {wizard.step === 'review' ? (
          <Button
            kind="accept"
            label={trans.__('Containerize')}
            busy={wizard.starting}
            reason={reason}
            onClick={() => void start()}
          />
        ) : (
          <Button
            kind="accept"
            label={trans.__('Next')}
            reason={reason}
            onClick={() => send({ type: 'go-on' })}
          />
        )}
      </div>
    </>
  );
}
