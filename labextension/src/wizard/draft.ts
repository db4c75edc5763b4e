import { LOADING } from './state';
import type { IWizard } from './state';

const FIELDS = [
  'name',
  'title',
  'description',
  'choices',
  'edits',
  'added',
  'files',
  'destination',
  'step'
] as const;
type Draft = Pick<IWizard, (typeof FIELDS)[number]>;

// The browser's storage and not Jupyter's: a page that is reloaded has not sent its last words.
function keyOf(address: string, notebook: string): string {
  return `kernel-containers:draft:${address}:${notebook}`;
}

/** Take up what was typed in a wizard that was closed, or whose page was reloaded. */
export function restoreDraft(address: string, wizard: IWizard): IWizard {
  const draft = readDraft(keyOf(address, wizard.notebook));
  if (!draft) {
    return wizard;
  }
  const reviewed = draft.step === 'review';
  return {
    ...wizard,
    ...draft,
    touched: true,
    restored: true,
    plan: reviewed ? LOADING : wizard.plan,
    target: reviewed ? LOADING : wizard.target
  };
}

/** Keep what the user changed; a job that was started needs no draft any more. */
export function keepDraft(address: string, wizard: IWizard): void {
  const key = keyOf(address, wizard.notebook);
  if (wizard.step === 'progress' || !wizard.touched) {
    window.localStorage.removeItem(key);
    return;
  }
  const draft = Object.fromEntries(FIELDS.map(name => [name, wizard[name]]));
  try {
    window.localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // The storage is full or forbidden: the wizard works without.
  }
}

function readDraft(key: string): Draft | null {
  try {
    const text = window.localStorage.getItem(key);
    const draft = text ? (JSON.parse(text) as Draft) : null;
    return draft && FIELDS.every(name => name in draft) ? draft : null;
  } catch {
    return null;
  }
}
