import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { containerIcon } from '../icons';
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

/** Save a notebook with unsaved changes; returns whether that was needed. */
async function saveIfNeeded(panel: NotebookPanel): Promise<boolean> {
  await panel.context.ready;
  if (!panel.context.model.dirty) {
    return false;
  }
  await panel.context.save();
  return true;
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
    const { trans } = services;
    const { contents } = app.serviceManager;
    const open = async (path: string, opening: Omit<IOpening, 'notebook'>) => {
      const { openWizard } = await import('../wizard');
      const notebook = contents.localPath(path);
      await openWizard(services, { ...opening, notebook });
    };

    app.commands.addCommand(CommandIDs.containerize, {
      label: trans.__('Containerize'),
      caption: trans.__('Make a container image of this notebook'),
      icon: containerIcon,
      isEnabled: () => !!tracker?.currentWidget,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const panel = tracker?.currentWidget;
        if (!panel) {
          return;
        }
        let saved: boolean;
        try {
          saved = await saveIfNeeded(panel);
        } catch (error) {
          await showErrorMessage(
            trans.__('The notebook could not be saved'),
            error instanceof Error ? error : String(error)
          );
          return;
        }
        await open(panel.context.path, {
          kernel: kernelName(panel),
          kernelId: panel.sessionContext.session?.kernel?.id,
          saved,
          goToCell: index => showCell(panel, index)
        });
      }
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
      execute: async args => {
        const selected = Array.from(
          browsers?.tracker.currentWidget?.selectedItems() ?? []
        );
        const path = (args.path as string | undefined) ?? selected[0]?.path;
        if (path) {
          await open(path, { kernel: undefined, saved: false });
        }
      }
    });

    palette?.addItem({
      command: CommandIDs.containerize,
      category: trans.__('Notebook Operations')
    });
  }
};

export default plugin;
