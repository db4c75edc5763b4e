import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

class CommandBody extends Widget {
  constructor(command: string, trans: TranslationBundle) {
    super();
    this.addClass('jp-KernelContainers-command');
    const lead = document.createElement('p');
    lead.textContent = trans.__(
      'Run this in a terminal on the machine of the Jupyter server. It makes a container image of the notebook as it is saved now, with its environment:'
    );
    const line = document.createElement('pre');
    line.tabIndex = 0;
    line.setAttribute('aria-label', trans.__('Command'));
    line.textContent = command;
    const more = document.createElement('p');
    more.textContent = trans.__(
      'Add --dry-run to see what would enter the image, or --help for the options.'
    );
    this.node.append(lead, line, more);
  }
}

/** Show a command; resolves when the dialog is closed, after copying if that was asked for. */
export async function showCommand(
  command: string,
  trans: TranslationBundle
): Promise<void> {
  const result = await showDialog({
    title: trans.__('Containerize'),
    body: new CommandBody(command, trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Close') }),
      Dialog.okButton({ label: trans.__('Copy') })
    ]
  });
  if (result.button.accept) {
    Clipboard.copyToSystem(command);
  }
}
