import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { NotebookPanel } from '@jupyterlab/notebook';

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
