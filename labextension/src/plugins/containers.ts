import { ILabShell } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IFrame, MainAreaWidget } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import { IStateDB } from '@jupyterlab/statedb';
import type { Contents } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Api } from '../api';
import { ApiError } from '../errors';
import { Format } from '../format';
import { containerIcon } from '../icons';
import { JobsModel } from '../jobs';
import { ResultsDrive } from '../results';
import { IServices } from '../services';
import { Transport } from '../transport';
import { CommandIDs } from './commands';

/** Show a page in a tab; it gets an origin of its own and may run its scripts there only. */
function showPage(app: JupyterFrontEnd, url: string, title: string): void {
  const content = new IFrame({
    sandbox: ['allow-scripts', 'allow-popups', 'allow-downloads']
  });
  content.url = url;
  content.title.label = title;
  content.title.icon = containerIcon;
  content.node.querySelector('iframe')?.setAttribute('title', title);
  const widget = new MainAreaWidget({ content });
  widget.id = `kernel-containers-page-${url}`;
  // A page that is open already may be of an earlier run.
  Array.from(app.shell.widgets('main'))
    .filter(open => open.id === widget.id)
    .forEach(open => open.close());
  app.shell.add(widget, 'main');
}

async function showDocument(
  app: JupyterFrontEnd,
  path: string,
  cellId: string | undefined
): Promise<void> {
  const widget = (await app.commands.execute('docmanager:open', {
    path
  })) as IDocumentWidget | undefined;
  if (cellId && widget?.context) {
    await widget.context.ready;
    widget.setFragment(`#cell-id=${cellId}`);
  }
}

// Drives that show the server's own files; in the second, people edit them together.
const OWN_DRIVES = ['', 'RTC'];

function localPath(
  contents: Contents.IManager,
  path: string,
  trans: TranslationBundle
): string {
  if (!OWN_DRIVES.includes(contents.driveName(path))) {
    throw new ApiError(
      0,
      trans.__('This notebook is not a file of the Jupyter server.'),
      null,
      trans.__('Save a copy with File > Save Notebook As…, and use that one.')
    );
  }
  return contents.localPath(path);
}

async function listFolder(
  contents: Contents.IManager,
  path: string
): Promise<readonly string[]> {
  const folder = await contents.get(path, {
    type: 'directory',
    content: true
  });
  const found = folder.content as readonly Contents.IModel[];
  return found.map(item =>
    item.type === 'directory' ? `${item.path}/` : item.path
  );
}

async function pickFolder(
  manager: IDocumentManager,
  title: string,
  translator: ITranslator | null
): Promise<string | null> {
  const { FileDialog } = await import('@jupyterlab/filebrowser');
  const { value } = await FileDialog.getExistingDirectory({
    manager,
    title,
    translator: translator ?? undefined
  });
  return value?.length
    ? manager.services.contents.localPath(value[0].path)
    : null;
}

const plugin: JupyterFrontEndPlugin<IServices> = {
  id: 'kernel-containers:containers',
  description: 'Provides the client of the server extension and its jobs.',
  autoStart: true,
  provides: IServices,
  optional: [ITranslator, IStateDB, ILabShell, IDocumentManager],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    state: IStateDB | null,
    labShell: ILabShell | null,
    manager: IDocumentManager | null
  ): IServices => {
    const { languageCode } = translator ?? nullTranslator;
    const trans = (translator ?? nullTranslator).load('kernel_containers');
    const { serverSettings, contents, events, kernelspecs } =
      app.serviceManager;
    const api = new Api(new Transport(serverSettings, trans));
    contents.addDrive(new ResultsDrive(api, serverSettings));
    const run = (command: string, args = {}) =>
      void app.commands.execute(command, args);
    return {
      api,
      trans,
      format: new Format(trans, languageCode),
      state,
      jobs: new JobsModel(api, events),
      openPath: (path, cellId) => void showDocument(app, path, cellId),
      openPage: (url, title) => {
        // Notebook's main area holds one document, so a page goes to a tab of the browser.
        if (labShell) {
          showPage(app, url, title);
        } else {
          window.open(url, '_blank', 'noopener');
        }
      },
      pickFolder: title =>
        manager ? pickFolder(manager, title, translator) : Promise.resolve(''),
      listFolder: path => listFolder(contents, path),
      localPath: path => localPath(contents, path, trans),
      showPanel: () => run(CommandIDs.showPanel),
      containerize: () => run(CommandIDs.containerize),
      addKernel: () => run(CommandIDs.addKernel),
      kernelsChanged: () => void kernelspecs.refreshSpecs()
    };
  }
};

export default plugin;
