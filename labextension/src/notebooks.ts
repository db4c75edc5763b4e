import { showErrorMessage } from '@jupyterlab/apputils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import { asApiError } from './errors';

/** Save a notebook with unsaved changes; returns whether that was needed. */
export async function saveIfNeeded(panel: NotebookPanel): Promise<boolean> {
  await panel.context.ready;
  if (!panel.context.model.dirty) {
    return false;
  }
  await panel.context.save();
  return true;
}

/** Return the path of what is selected in the file browser: context menus do not tell it. */
export function selectedPath(
  browsers: IFileBrowserFactory | null
): string | undefined {
  const selected = browsers?.tracker.currentWidget?.selectedItems();
  return selected && Array.from(selected)[0]?.path;
}

/** Say why something can't begin, where no screen of it is open yet. */
export async function showRefusal(
  reason: unknown,
  trans: TranslationBundle
): Promise<void> {
  const { what, why, todo } = asApiError(reason);
  const text = [why, todo && trans.__('Try: %1', todo)].filter(Boolean);
  await showErrorMessage(what, text.join('\n'));
}
