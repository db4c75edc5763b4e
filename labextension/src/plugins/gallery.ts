import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';

import { containerIcon } from '../icons';
import { saveIfNeeded, selectedPath, showRefusal } from '../notebooks';
import { IServices } from '../services';
import { CommandIDs } from './commands';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kernel-containers:gallery',
  description: 'Shares notebooks with others.',
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
    app.commands.addCommand(CommandIDs.publish, {
      label: trans.__('Publish to Gallery…'),
      caption: trans.__('Share this notebook with the outputs it has'),
      icon: containerIcon,
      isEnabled: args => !!args.selected || !!tracker?.currentWidget,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            selected: {
              type: 'boolean',
              description: trans.__(
                'Whether it is the one selected in the file browser'
              )
            }
          }
        }
      },
      execute: async args => {
        const panel = args.selected ? null : tracker?.currentWidget;
        const path = panel ? panel.context.path : selectedPath(browsers);
        if (!path) {
          return;
        }
        let local: string;
        try {
          local = localPath(path);
        } catch (reason) {
          await showRefusal(reason, trans);
          return;
        }
        try {
          await (panel && saveIfNeeded(panel));
        } catch {
          return; // Jupyter has shown why
        }
        const { openPublish } = await import('../components/publish');
        await openPublish(services, local);
      }
    });
    palette?.addItem({
      command: CommandIDs.publish,
      category: trans.__('Notebook Operations')
    });
  }
};

export default plugin;
