import { Notification } from '@jupyterlab/apputils';

import type { Job } from './api';
import { kindWord, shortTitle, stateWord } from './components/words';
import { takeStock } from './jobmessages';
import type { IServices } from './services';

const LONGEST_MESSAGE = 130; // characters; notifications cut at 140
const SHORT = 4000; // ms
const LONG = 10_000; // ms; a failure is read, not only noticed

/**
 * Tell about jobs while no screen shows them: one message for all that go on, however many
 * runs a sweep has, and one for each end.
 */
export class JobMessages {
  constructor(
    private readonly _services: IServices,
    private readonly _isPanelShown: () => boolean
  ) {
    _services.jobs.changed.connect(() => this.update());
  }

  /** Look again: jobs changed, or the panel was shown or hidden. */
  update(): void {
    const { jobs } = this._services;
    const stock = takeStock(this._open, jobs.jobs);
    this._open = stock.open;
    const isTold = (job: Job) =>
      !this._isPanelShown() && !jobs.isWatched(job.id);
    this._tellGoing(stock.going.filter(isTold));
    stock.ended
      .map(group => group.filter(isTold))
      .filter(group => group.length > 0)
      .forEach(group => this._tellEnd(group));
  }

  private _tellGoing(going: readonly Job[]): void {
    const text = going.length ? this._goingText(going) : '';
    if (text === this._text) {
      return;
    }
    this._text = text;
    if (!text) {
      Notification.dismiss(this._id);
      this._id = undefined;
      return;
    }
    const actions = [this._show()];
    if (going.length === 1) {
      const [{ id }] = going;
      actions.push({
        label: this._services.trans.__('Stop'),
        callback: () => void this._services.jobs.cancel(id)
      });
    }
    const options = { autoClose: SHORT, actions };
    if (this._id) {
      Notification.update({
        id: this._id,
        message: text,
        type: 'in-progress',
        ...options
      });
    } else {
      this._id = Notification.emit(text, 'in-progress', options);
    }
  }

  private _goingText(going: readonly Job[]): string {
    const { format, trans } = this._services;
    if (going.length > 1) {
      return trans._n(
        '%1 job is in progress',
        '%1 jobs are in progress',
        going.length
      );
    }
    const [job] = going;
    const percent =
      job.fraction === null ? '' : ` ${format.percent(job.fraction)}`;
    return this._line(job) + percent;
  }

  private _tellEnd(ended: readonly Job[]): void {
    const { trans } = this._services;
    const succeeded = ended.filter(job => job.state === 'succeeded').length;
    const message =
      ended.length === 1
        ? this._line(ended[0])
        : trans.__(
            '%1 runs of %2 have ended; %3 of them succeeded',
            ended.length,
            shortTitle(ended[0].title),
            succeeded
          );
    const well = succeeded === ended.length;
    Notification.emit(
      message.slice(0, LONGEST_MESSAGE),
      well ? 'success' : 'warning',
      {
        autoClose: well ? SHORT : LONG,
        actions: [this._show()]
      }
    );
  }

  private _line(job: Job): string {
    const { trans } = this._services;
    const line = trans.__(
      '%1 %2: %3',
      kindWord(job.kind, trans),
      shortTitle(job.title),
      stateWord(job.state, trans)
    );
    return line.slice(0, LONGEST_MESSAGE);
  }

  private _show(): { label: string; callback: () => void } {
    return {
      label: this._services.trans.__('Show'),
      callback: () => this._services.showPanel()
    };
  }

  private _open: ReadonlySet<string> = new Set();
  private _id: string | undefined;
  private _text = '';
}
