import { ILabShell } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IRunningSessionManagers } from '@jupyterlab/running';
import type { IRunningSessions } from '@jupyterlab/running';
import { IStatusBar } from '@jupyterlab/statusbar';
import { Signal } from '@lumino/signaling';
import { PanelLayout, Widget } from '@lumino/widgets';

import { shortTitle, stateWord } from '../components/words';
import { containerIcon } from '../icons';
import { IServices } from '../services';
import { CommandIDs } from './commands';
// eslint-disable-next-line jupyter/prefer-lazy-imports -- it listens from the start
import { JobMessages } from '../messages';

/** The panel's place in the side area; its content is loaded when it is first shown. */
class SidePanel extends Widget {
  /** Emitted when the panel was shown or hidden. */
  readonly visibilityChanged = new Signal<this, void>(this);

  constructor(private readonly _services: IServices) {
    super();
    this.id = 'jp-kernel-containers-panel';
    this.addClass('jp-KernelContainers-panel');
    this.title.icon = containerIcon;
    this.title.caption = _services.trans.__('Containers');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _services.trans.__('Containers'));
    this.layout = new PanelLayout();
  }

  protected onAfterShow(): void {
    this.visibilityChanged.emit();
  }

  protected onAfterHide(): void {
    this.visibilityChanged.emit();
  }

  protected onBeforeShow(): void {
    if (!this._loaded) {
      this._loaded = true;
      void this._load();
    }
  }

  private async _load(): Promise<void> {
    const { PanelContent } = await import('../panel/panel');
    (this.layout as PanelLayout).addWidget(new PanelContent(this._services));
    await this._services.jobs.refresh();
  }

  private _loaded = false;
}

function runningJobs({
  jobs,
  trans,
  showPanel
}: IServices): IRunningSessions.IManager {
  return {
    name: trans.__('Containers: jobs and runs'),
    running: () =>
      jobs.active.map(job => ({
        icon: () => containerIcon,
        label: () => shortTitle(job.title),
        detail: () => stateWord(job.state, trans),
        open: showPanel,
        shutdown: () => void jobs.cancel(job.id)
      })),
    shutdownAll: () => jobs.active.forEach(job => void jobs.cancel(job.id)),
    refreshRunning: () => void jobs.refresh(),
    runningChanged: jobs.changed,
    shutdownLabel: trans.__('Stop'),
    shutdownAllLabel: trans.__('Stop All'),
    shutdownAllConfirmationText: trans.__(
      'Stop every job and run that is in progress?'
    )
  };
}

/** A count of active jobs for the status bar, empty while there are none. */
function statusItem({ jobs, trans, showPanel }: IServices): Widget {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = 'jp-KernelContainers-statusItem';
  node.addEventListener('click', showPanel);
  const update = () => {
    const count = jobs.active.length;
    node.textContent = trans._n('%1 container job', '%1 container jobs', count);
  };
  jobs.changed.connect(update);
  update();
  return new Widget({ node });
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kernel-containers:panel',
  description: 'Lists jobs, images, runs and results in a side area.',
  autoStart: true,
  requires: [IServices],
  optional: [
    IRunningSessionManagers,
    ILauncher,
    ICommandPalette,
    IStatusBar,
    ILabShell
  ],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    running: IRunningSessionManagers | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    labShell: ILabShell | null
  ) => {
    const { jobs, trans } = services;
    const panel = new SidePanel(services);
    app.shell.add(panel, 'right', { rank: 700, type: 'Containers' });

    app.commands.addCommand(CommandIDs.showPanel, {
      label: trans.__('Containers'),
      caption: trans.__('Images, runs and their results'),
      icon: containerIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        if (labShell) {
          labShell.expandRight();
        } else if ('expandRight' in app.shell) {
          // Notebook's shell wants to know which panel.
          (app.shell.expandRight as (id: string) => void)(panel.id);
        }
        app.shell.activateById(panel.id);
      }
    });
    palette?.addItem({
      command: CommandIDs.showPanel,
      category: trans.__('Kernel Operations')
    });
    launcher?.add({
      command: CommandIDs.showPanel,
      category: trans.__('Other'),
      rank: 5
    });
    running?.add(runningJobs(services));
    statusBar?.registerStatusItem('kernel-containers:jobs', {
      item: statusItem(services),
      align: 'left',
      rank: 20,
      isActive: () => jobs.active.length > 0,
      activeStateChanged: jobs.changed as never
    });
    const messages = new JobMessages(services, () => panel.isVisible);
    panel.visibilityChanged.connect(() => messages.update());
    void app.restored.then(() => jobs.refresh());
  }
};

export default plugin;
