import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { ApiError } from '../errors';
import { containerIcon } from '../icons';
import { saveIfNeeded, selectedPath, showRefusal } from '../notebooks';
import { IServices } from '../services';
import type { IOpening } from '../wizard';
import { CommandIDs } from './commands';

/** Return the name of the running kernel, else of the one that the notebook asks for. */
function kernelName(panel: NotebookPanel): string | undefined {
  const running = panel.sessionContext.session?.kernel?.name;
  const asked = panel.context.model?.getMetadata('kernelspec') as
    { name?: string } | undefined;
  return running ?? asked?.name;
}

/** Save a notebook for the wizard; null when the user cancelled that in Jupyter's own dialog. */
async function save(
  panel: NotebookPanel
): Promise<Awaited<IOpening['saving']>> {
  try {
    return (await saveIfNeeded(panel)) ? 'done' : 'not-needed';
  } catch (error) {
    // Jupyter shows why; a file that is read-only for this user can be containerized all the same.
    const { name } = error as Error;
    return name === 'ModalCancelError' ? null : 'failed';
  }
}

/** Select a cell and bring it into sight. */
function showCell(panel: NotebookPanel, index: number): void {
  panel.content.activeCellIndex = index;
  void panel.content.scrollToItem(index, 'center');
  panel.content.activate();
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kernel-containers:plugin',
  description: 'Makes container images of notebooks.',
  autoStart: true,
  requires: [IServices],
  // Notebook's file list has no tracker of notebooks.
  optional: [INotebookTracker, IFileBrowserFactory, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    tracker: INotebookTracker | null,
    browsers: IFileBrowserFactory | null,
    palette: ICommandPalette | null
  ) => {
    const { localPath, trans } = services;
    const open = async (
      path: string,
      opening: () => Omit<IOpening, 'notebook'>
    ) => {
      try {
        const notebook = localPath(path);
        const { openWizard } = await import('../wizard');
        await openWizard(services, { ...opening(), notebook });
      } catch (reason) {
        await showRefusal(reason, trans);
      }
    };
    // Loaded when a notebook is there and nothing else to do, so that a click need not wait for it.
    tracker?.widgetAdded.connect(() => {
      window.requestIdleCallback?.(() => void import('../wizard'));
    });
    // A second dialog would wait behind the first one, and open when that is closed.
    let isOpen = false;
    const oneAtATime = async (opened: () => Promise<void>) => {
      if (isOpen) {
        return;
      }
      isOpen = true;
      try {
        await opened();
      } finally {
        isOpen = false;
      }
    };

    app.commands.addCommand(CommandIDs.containerize, {
      label: trans.__('Containerize'),
      caption: trans.__('Make a container image of this notebook'),
      icon: containerIcon,
      isEnabled: () => !!tracker?.currentWidget,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () =>
        oneAtATime(async () => {
          const panel = tracker?.currentWidget;
          if (!panel) {
            const what = trans.__('No notebook is open.');
            const todo = trans.__('open one, then click Containerize again');
            await showRefusal(new ApiError(0, what, null, todo), trans);
            return;
          }
          await open(panel.context.path, () => ({
            kernel: kernelName(panel),
            kernelId: panel.sessionContext.session?.kernel?.id,
            saving: save(panel),
            goToCell: index => showCell(panel, index)
          }));
        })
    });

    app.commands.addCommand(CommandIDs.containerizeFile, {
      label: trans.__('Containerize'),
      caption: trans.__('Make a container image of this notebook'),
      icon: containerIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__(
                'The notebook; the one selected in the file browser otherwise'
              )
            }
          }
        }
      },
      execute: args =>
        oneAtATime(async () => {
          const path =
            (args.path as string | undefined) ?? selectedPath(browsers);
          if (path) {
            await open(path, () => ({
              kernel: undefined,
              saving: Promise.resolve('not-needed' as const)
            }));
          }
        })
    });

    palette?.addItem({
      command: CommandIDs.containerize,
      category: trans.__('Notebook Operations')
    });
  }
};

export default plugin;
