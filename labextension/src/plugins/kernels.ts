import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  IToolbarWidgetRegistry,
  Notification
} from '@jupyterlab/apputils';
import type { ISessionContext } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Event, Kernel, KernelSpec } from '@jupyterlab/services';

import { containerIcon } from '../icons';
import { KernelBadge, containerOf, shortImage } from '../kernels/badge';
import type { IMissing } from '../kernels/pullkernel';
import { IServices } from '../services';
import { CommandIDs } from './commands';

const LONGEST_MESSAGE = 140; // characters; notifications cut there
const KERNEL_ENDED = 'urn:kernel-containers:kernel-ended';

interface IKernelEnded {
  readonly kernel_id: string;
  readonly kernel_name: string;
  readonly reason: string;
}

/** Say why a kernel ended: the server knows, Jupyter's own dialog does not. */
function tellDeaths(
  events: Event.IManager,
  tracker: INotebookTracker | null,
  { trans }: IServices
): void {
  events.stream.connect((_, emission) => {
    if (emission.schema_id !== KERNEL_ENDED) {
      return;
    }
    const ended = emission as unknown as IKernelEnded;
    const panel = tracker?.find(
      widget => widget.sessionContext.session?.kernel?.id === ended.kernel_id
    );
    const title = panel?.title.label ?? ended.kernel_name;
    const text = trans.__('%1: %2', title, ended.reason);
    Notification.warning(text.slice(0, LONGEST_MESSAGE), { autoClose: false });
  });
}

/**
 * Offer to pull the image of a containerized kernel that did not start. Jupyter's own dialogs, that
 * it failed and which kernel else, come first, so this is a notification, gone with the next kernel.
 */
function offerPulls(
  services: IServices,
  tracker: INotebookTracker,
  specs: KernelSpec.IManager
): void {
  const { api, trans } = services;
  const pull = async (context: ISessionContext, missing: IMissing) => {
    const { pullKernel } = await import('../kernels/pullkernel');
    if (await pullKernel(services, missing)) {
      await context.changeKernel({ name: missing.kernel });
    }
  };
  const offer = async (context: ISessionContext) => {
    const kernel = context.kernelPreference.name ?? '';
    const spec = specs.specs?.kernelspecs[kernel];
    const image = containerOf(spec)?.image;
    if (!spec || !image) {
      return; // it is none of ours
    }
    const { engine } = await api.health();
    if (engine || context.isDisposed || context.session) {
      return; // what is wrong then was said already
    }
    const missing = { kernel, displayName: spec.display_name };
    const text = trans.__(
      '%1 did not start. If its image is not here yet, pull it: %2',
      spec.display_name,
      shortImage(image)
    );
    const id = Notification.warning(text.slice(0, LONGEST_MESSAGE), {
      autoClose: false,
      actions: [
        {
          label: trans.__('Pull and start'),
          callback: () => void pull(context, missing)
        }
      ]
    });
    const dismiss = () => Notification.dismiss(id);
    context.kernelChanged.connect(dismiss);
    context.disposed.connect(dismiss);
  };
  tracker.widgetAdded.connect((_, { sessionContext }) => {
    sessionContext.sessionChanged.connect((context, change) => {
      if (!change.oldValue && !change.newValue) {
        void offer(context);
      }
    });
  });
}

/**
 * Leave the start of a new notebook's kernel to the page that the notebook opens in. Notebook's page
 * with the list would start it too, and saves the notebook before it knows the kernel's name: where
 * that takes longer than the other page, one is asked there which kernel it should be.
 */
function startInOwnPage(
  tracker: INotebookTracker,
  specs: KernelSpec.IManager
): void {
  tracker.widgetAdded.connect((_, { context }) => {
    const { sessionContext, model } = context;
    const { name } = sessionContext.kernelPreference;
    const spec = specs.specs?.kernelspecs[name ?? ''];
    if (!name || !spec || !containerOf(spec)) {
      return; // a page does not know yet the kernel of its own notebook
    }
    sessionContext.kernelPreference = {
      ...sessionContext.kernelPreference,
      shouldStart: false
    };
    const { display_name, language } = spec;
    void context.ready.then(() => {
      model.setMetadata('kernelspec', { name, display_name, language });
    });
  });
}

const COMM_TARGET = 'kernel-containers';

/** Listen to the magics of notebooks, see kernel_containers/client/magics.py. */
function listenToMagics(services: IServices, tracker: INotebookTracker): void {
  const attach = (panel: NotebookPanel) => {
    const allowed = new Set<string>();
    const register = (kernel: Kernel.IKernelConnection | null | undefined) => {
      kernel?.registerCommTarget(COMM_TARGET, async (comm, { content }) => {
        const { relay } = await import('../kernels/magics');
        await relay(services, panel, comm, content.data, allowed, kernel.id);
      });
    };
    panel.sessionContext.kernelChanged.connect((_, change) => {
      register(change.newValue);
    });
    register(panel.sessionContext.session?.kernel);
  };
  tracker.forEach(attach);
  tracker.widgetAdded.connect((_, panel) => {
    attach(panel);
  });
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kernel-containers:kernels',
  description: 'Adds containerized kernels, and shows what notebooks run in.',
  autoStart: true,
  requires: [IServices],
  optional: [
    INotebookTracker,
    IToolbarWidgetRegistry,
    ILauncher,
    ICommandPalette
  ],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    tracker: INotebookTracker | null,
    toolbars: IToolbarWidgetRegistry | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null
  ) => {
    const { trans } = services;
    const { events, kernelspecs } = app.serviceManager;
    toolbars?.addFactory<NotebookPanel>(
      'Notebook',
      'containerBadge',
      panel => new KernelBadge(panel.sessionContext, kernelspecs, trans)
    );
    tellDeaths(events, tracker, services);
    if (tracker) {
      listenToMagics(services, tracker);
      offerPulls(services, tracker, kernelspecs);
      if (PageConfig.getOption('notebookPage')) {
        startInOwnPage(tracker, kernelspecs);
      }
    }

    app.commands.addCommand(CommandIDs.addKernel, {
      label: trans.__('Add Containerized Kernel…'),
      caption: trans.__('Make a kernel that runs in a container'),
      icon: containerIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const { openAddKernel } = await import('../kernels/addkernel');
        await openAddKernel(services);
      }
    });
    launcher?.add({
      command: CommandIDs.addKernel,
      category: trans.__('Other'),
      rank: 6
    });
    palette?.addItem({
      command: CommandIDs.addKernel,
      category: trans.__('Kernel Operations')
    });
  }
};

export default plugin;
