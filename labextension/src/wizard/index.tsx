import * as React from 'react';

import { ScreenDialog } from '../components/dialog';
import { newToken } from '../jobs';
import type { IServices } from '../services';
import { open } from './state';
import type { IDestination, IWizard } from './state';
import { Wizard } from './wizard';

// What was typed in a wizard that was closed, by notebook.
const drafts = new Map<string, IWizard>();

/** Open the wizard for a notebook; resolves when it is closed. */
export async function openWizard(
  services: IServices,
  notebook: string,
  kernel: string | undefined,
  saved: boolean
): Promise<void> {
  const draft = drafts.get(notebook);
  const initial = draft
    ? { ...draft, kernel, inspection: { status: 'loading' } as const }
    : open(notebook, kernel, newToken(), await remembered(services, notebook));
  const dialog = new ScreenDialog({
    services,
    title: services.trans.__('Containerize'),
    focus: '#jp-kc-name',
    content: close => (
      <Wizard
        initial={initial}
        saved={saved}
        onState={wizard => keep(wizard)}
        close={close}
      />
    )
  });
  await dialog.launch();
}

function keep(wizard: IWizard): void {
  if (wizard.touched && wizard.step !== 'progress') {
    drafts.set(wizard.notebook, { ...wizard, starting: false });
  } else if (wizard.step === 'progress') {
    drafts.delete(wizard.notebook);
  }
}

async function remembered(
  { state }: IServices,
  notebook: string
): Promise<Partial<IDestination>> {
  const keys = [
    `kernel-containers:destination:${notebook}`,
    'kernel-containers:destination'
  ];
  for (const key of keys) {
    const found = (await state?.fetch(key)) as
      Partial<IDestination> | undefined;
    if (found) {
      return found;
    }
  }
  return {};
}
