import * as React from 'react';

import { useServices } from '../components/context';
import { asApiError } from '../errors';
import type { WizardEvent } from './reducer';
import { destinationText, imageRequest } from './requests';
import type { IWizard } from './state';

/** Ask what the notebook has, once it is saved. */
export function useInspection(
  wizard: IWizard,
  send: (event: WizardEvent) => void,
  saved: boolean
): void {
  const { api } = useServices();
  const { notebook, kernelId } = wizard;
  const loading = saved && wizard.inspection.status === 'loading';
  React.useEffect(() => {
    if (!loading) {
      return;
    }
    const inspect = async () => {
      try {
        // The text first: a kernel may be busy.
        send({ type: 'inspected', inspection: await api.inspect(notebook) });
      } catch (error) {
        send({ type: 'inspect-failed', error: asApiError(error) });
        return;
      }
      if (kernelId) {
        const inspection = await api.inspect(notebook, kernelId);
        send({ type: 'inspected', inspection });
      }
    };
    // Without what the kernel knows everything works all the same.
    inspect().catch(() => undefined);
  }, [api, loading, notebook, kernelId, send]);
}

/** Ask what an image would have and whether its place is taken, when the review is shown. */
export function usePlan(
  wizard: IWizard,
  send: (event: WizardEvent) => void
): void {
  const { api } = useServices();
  const loading =
    wizard.plan.status === 'loading' && wizard.inspection.status === 'ready';
  React.useEffect(() => {
    if (!loading) {
      return;
    }
    // Leaving the step closes the request, which stops the planning, too.
    const leave = new AbortController();
    api.plan(imageRequest(wizard), leave.signal).then(
      plan => leave.signal.aborted || send({ type: 'planned', plan }),
      (error: unknown) =>
        leave.signal.aborted ||
        send({ type: 'plan-failed', error: asApiError(error) })
    );
    api.target(destinationText(wizard)).then(
      value =>
        leave.signal.aborted ||
        send({ type: 'target', target: { status: 'ready', value } }),
      (error: unknown) =>
        leave.signal.aborted ||
        send({
          type: 'target',
          target: { status: 'failed', error: asApiError(error) }
        })
    );
    return () => leave.abort();
    // The rest can't change without the plan becoming stale.
  }, [loading, wizard.files]);
}
