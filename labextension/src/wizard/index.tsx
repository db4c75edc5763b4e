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
  /** What becomes of unsaved changes, as the file is read; null when the user cancels that. */
  readonly saving: Promise<Saved | null>;
  /** Go to a code cell, counted as the server counts; the wizard is closed first. */
  readonly goToCell?: (index: number) => void;
}

/** Open the wizard for a notebook; resolves when it is closed. */
export async function openWizard(
  services: IServices,
  opening: IOpening
): Promise<void> {
  const { notebook, kernel, kernelId, saving } = opening;
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
        saving={saving}
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
  await dialog.launch(saving);
  if (dialog.madeWay) {
    const saved = await saving;
    if (saved) {
      await openWizard(services, {
        ...opening,
        saving: Promise.resolve(saved)
      });
    }
  } else if (goTo !== null) {
    opening.goToCell?.(goTo);
  }
}
