import * as React from 'react';

import { ScreenDialog } from '../components/dialog';
import { newToken } from '../jobs';
import type { IServices } from '../services';
import { recallDestination } from './destinations';
import { keepDraft, restoreDraft } from './draft';
import { open } from './state';
import type { Saved } from './state';
import { Wizard } from './wizard';

/** A notebook that a wizard is opened for. */
export interface IOpening {
  readonly notebook: string;
  readonly kernel: string | undefined;
  /** The notebook's running kernel, whose values and changes count. */
  readonly kernelId?: string;
  /** Whether the notebook was saved for the wizard, which reads its file. */
  readonly saved: Saved;
  /** Go to a code cell, counted as the server counts; the wizard is closed first. */
  readonly goToCell?: (index: number) => void;
}

/** Open the wizard for a notebook; resolves when it is closed. */
export async function openWizard(
  services: IServices,
  opening: IOpening
): Promise<void> {
  const { notebook, kernel, kernelId } = opening;
  const { address } = services.api;
  const destination = await recallDestination(services.state, notebook);
  const fresh = open(notebook, kernel, newToken(), destination, kernelId);
  let goTo: number | null = null;
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Containerize'),
    focus: '#jp-kc-name',
    content: close => (
      <Wizard
        fresh={fresh}
        initial={restoreDraft(address, fresh)}
        saved={opening.saved}
        onState={wizard => keepDraft(address, wizard)}
        onCell={
          opening.goToCell &&
          (index => {
            goTo = index;
            close();
          })
        }
        close={close}
      />
    )
  });
  await dialog.launch();
  if (goTo !== null) {
    opening.goToCell?.(goTo);
  }
}
