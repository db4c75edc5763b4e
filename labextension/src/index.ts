import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { containerizeCommand } from './commandline';
import { containerIcon } from './icons';

const CONTAINERIZE = 'kernel-containers:containerize';

/** Return the name of the running kernel, else of the one that the notebook asks for. */
function kernelName(panel: NotebookPanel): string | undefined {
  const running = panel.sessionContext.session?.kernel?.name;
  return running ?? panel.context.model?.getMetadata('kernelspec')?.name;
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kernel-containers:plugin',
  description: 'Shows how the current notebook becomes a container image.',
  autoStart: true,
  // Notebook's file list has no tracker.
  optional: [INotebookTracker, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    if (!tracker) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('kernel_containers');
    const api = new Api(app.serviceManager.serverSettings);

    app.commands.addCommand(CONTAINERIZE, {
      label: trans.__('Containerize'),
      caption: trans.__('Make a container image of this notebook'),
      icon: containerIcon,
      isEnabled: () => tracker.currentWidget !== null,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const panel = tracker.currentWidget;
        if (!panel) {
          return;
        }
        await panel.context.ready;
        if (panel.context.model.dirty) {
          await panel.context.save();
        }
        const path = app.serviceManager.contents.localPath(panel.context.path);
        try {
          const { rootDir } = await api.health();
          const command = containerizeCommand(
            `${rootDir}/${path}`,
            kernelName(panel)
          );
          const { showCommand } = await import('./dialog');
          await showCommand(command, trans);
        } catch (error) {
          await showErrorMessage(
            trans.__('The server extension kernel_containers does not answer'),
            error as Error
          );
        }
      }
    });

    palette?.addItem({
      command: CONTAINERIZE,
      category: trans.__('Notebook Operations')
    });
  }
};

export default plugin;
