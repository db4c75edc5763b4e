import type { ISessionContext } from '@jupyterlab/apputils';
import type { KernelSpec } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { containerIcon } from '../icons';

const PROVISIONER = 'kernel-containers';

/** The part of a kernel.json of ours that people want to know. */
export interface IKernelConfig {
  readonly image?: string;
  readonly prefix?: string;
  readonly memory?: string | number;
  readonly cpus?: number;
  readonly gpus?: string;
  readonly network?: string;
}

/** Return a kernelspec's container, null when its kernels run in none. */
export function containerOf(
  spec: KernelSpec.ISpecModel | undefined
): IKernelConfig | null {
  const provisioner = spec?.metadata?.kernel_provisioner as
    { provisioner_name?: string; config?: IKernelConfig } | undefined;
  return provisioner?.provisioner_name === PROVISIONER
    ? (provisioner.config ?? {})
    : null;
}

/** Return the last part of an image's name, without registry and digest. */
export function shortImage(image: string): string {
  const name = image.split('@')[0];
  return name.slice(name.lastIndexOf('/') + 1) || image.slice(0, 19);
}

/** Return a container in words, one line each. */
export function describe(
  config: IKernelConfig,
  trans: TranslationBundle
): string[] {
  const lines = [trans.__('This kernel runs in a container.')];
  const add = (line: string, value: unknown) => {
    if (value !== undefined && value !== null) {
      lines.push(line);
    }
  };
  add(trans.__('Image: %1', config.image ?? ''), config.image);
  add(trans.__('Environment: %1', config.prefix ?? ''), config.prefix);
  add(trans.__('Memory: %1', config.memory ?? ''), config.memory);
  add(trans.__('Processors: %1', config.cpus ?? ''), config.cpus);
  add(trans.__('GPUs: %1', config.gpus ?? ''), config.gpus);
  add(trans.__('Network: %1', config.network ?? ''), config.network);
  return lines;
}

/** A mark in a notebook's toolbar while its kernel runs in a container. */
export class KernelBadge extends Widget {
  constructor(
    private readonly _context: ISessionContext,
    private readonly _specs: KernelSpec.IManager,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-KernelContainers-badge');
    this._context.kernelChanged.connect(this._update, this);
    this._specs.specsChanged.connect(this._update, this);
    this._update();
  }

  private readonly _update = (): void => {
    const name = this._context.session?.kernel?.name;
    const specs = this._specs.specs?.kernelspecs ?? {};
    const config = containerOf(name ? specs[name] : undefined);
    this.setHidden(config === null);
    this.node.replaceChildren();
    if (config) {
      const label = document.createElement('span');
      label.textContent = config.prefix
        ? this._trans.__('Container')
        : shortImage(config.image ?? '');
      this.node.append(containerIcon.element({ tag: 'span' }), label);
      const text = describe(config, this._trans).join('\n');
      this.node.title = text;
      this.node.setAttribute('role', 'img');
      this.node.setAttribute('aria-label', text);
    }
  };
}
