import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';

import type { IServices } from '../services';
import { ServicesContext } from './context';

class Body extends ReactWidget {
  constructor(
    private readonly _services: IServices,
    private readonly _content: () => JSX.Element
  ) {
    super();
    this.addClass('jp-KernelContainers-body');
  }

  protected render(): JSX.Element {
    return (
      <ServicesContext.Provider value={this._services}>
        {this._content()}
      </ServicesContext.Provider>
    );
  }
}

/** What leads elsewhere closes the dialog first: it would lie over that, or keep it waiting. */
function closingFirst(services: IServices, close: () => void): IServices {
  const first =
    <A extends unknown[]>(go: (...args: A) => void) =>
    (...args: A) => {
      close();
      go(...args);
    };
  return {
    ...services,
    openPath: first(services.openPath),
    openPage: first(services.openPage),
    showPanel: first(services.showPanel),
    addKernel: first(services.addKernel)
  };
}

/**
 * A dialog whose keys belong to what has the focus: the stock dialog resolves itself with its
 * default button on Enter, before the focused control hears of it.
 */
export class ScreenDialog extends Dialog<void> {
  constructor(options: {
    services: IServices;
    title: string;
    focus: string;
    content: (close: () => void) => JSX.Element;
  }) {
    const close = () => this.reject();
    super({
      title: options.title,
      body: new Body(closingFirst(options.services, close), () =>
        options.content(close)
      ),
      buttons: [],
      hasClose: true,
      focusNodeSelector: options.focus
    });
    this.addClass('jp-KernelContainers-dialog');
    this.node.setAttribute('aria-label', options.title);
  }

  /** Whether this closed because a dialog came that would have waited behind it. */
  madeWay = false;

  /**
   * Show this until it is closed. While `going` goes on it makes way for what else asks the user;
   * it closes where that ends with null, cancelled.
   */
  async launch(going?: Promise<unknown>): Promise<Dialog.IResult<void>> {
    document.addEventListener('keydown', this._onLostKey);
    try {
      const launched = super.launch();
      if (going) {
        Dialog.tracker.widgetAdded.connect(this._makeWay);
        const ended = await Promise.race([going, launched]);
        Dialog.tracker.widgetAdded.disconnect(this._makeWay);
        if (ended === null) {
          this.reject();
        }
      }
      return await launched;
    } finally {
      document.removeEventListener('keydown', this._onLostKey);
    }
  }

  private readonly _makeWay = (_: unknown, added: unknown): void => {
    if (added !== this) {
      this.madeWay = true;
      this.reject();
    }
  };

  protected _evtKeydown(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      super._evtKeydown(event);
    } else if (event.key === 'Tab') {
      this._keepFocusInside(event);
    }
  }

  /** The focus is not here yet, or what had it was replaced: the keys belong here all the same. */
  private readonly _onLostKey = (event: KeyboardEvent): void => {
    if (this.isAttached && !this.node.contains(document.activeElement)) {
      this._evtKeydown(event);
      if (event.key === 'Tab') {
        event.preventDefault();
        this.node.querySelector<HTMLElement>('button')?.focus();
      }
    }
  };

  private _keepFocusInside(event: KeyboardEvent): void {
    const nodes = Array.from(
      this.node.querySelectorAll<HTMLElement>(
        'button:not([disabled]),input,select,textarea,a[href],[tabindex="0"]'
      )
    ).filter(node => node.offsetParent !== null);
    const last = nodes[nodes.length - 1];
    const from = event.shiftKey ? nodes[0] : last;
    if (document.activeElement === from) {
      event.preventDefault();
      (event.shiftKey ? last : nodes[0]).focus();
    }
  }
}
