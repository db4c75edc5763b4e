import type { TranslationBundle } from '@jupyterlab/translation';

const LONGEST_AGE = 30; // days; a date says more then
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** Writes sizes and times as people of a language do. */
export class Format {
  constructor(
    private readonly _trans: TranslationBundle,
    language: string
  ) {
    this._language = language.replace(/_/g, '-'); // zh_Hans_CN is no BCP 47 tag
  }

  /** Return a size in decimal units, as registries and disks are measured. */
  bytes(bytes: number): string {
    let value = bytes;
    let unit = 0;
    while (value >= 999.5 && unit < UNITS.length - 1) {
      value /= 1000;
      unit += 1;
    }
    return this._number(value, unit === 0 || value >= 100 ? 0 : 1, {
      style: 'unit',
      unit: UNITS[unit],
      unitDisplay: unit === 0 ? 'long' : 'short' // an abbreviated byte is no word
    });
  }

  /** Return a duration in the two largest units that matter. */
  seconds(seconds: number): string {
    if (seconds < 10) {
      return `${this._number(seconds, 1)} s`;
    }
    const whole = Math.round(seconds);
    if (whole < 60) {
      return `${whole} s`;
    }
    const minutes = Math.floor(whole / 60);
    return minutes < 60
      ? `${minutes} min ${whole % 60} s`
      : `${this._number(Math.floor(minutes / 60), 0)} h ${minutes % 60} min`;
  }

  /** Return a number of things. */
  count(count: number): string {
    return this._number(count, 0);
  }

  /** Return a part of a whole; it is 100 % at its end only. */
  percent(fraction: number): string {
    const whole = Math.floor(fraction * 100) / 100;
    return this._number(whole, 0, { style: 'percent' });
  }

  /** Return how long ago a time was, or its date. */
  age(time: string | null, now = Date.now()): string {
    if (!time) {
      return '';
    }
    const trans = this._trans;
    const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
    if (seconds < 60) {
      return trans.__('just now');
    }
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) {
      return trans._n('%1 minute ago', '%1 minutes ago', minutes);
    }
    const hours = Math.floor(minutes / 60);
    if (hours < 24) {
      return trans._n('%1 hour ago', '%1 hours ago', hours);
    }
    const days = Math.floor(hours / 24);
    return days <= LONGEST_AGE
      ? trans._n('%1 day ago', '%1 days ago', days)
      : new Date(time).toLocaleDateString(this._language);
  }

  private readonly _language: string;

  private _number(
    value: number,
    digits: number,
    options: Intl.NumberFormatOptions = {}
  ): string {
    return value.toLocaleString(this._language, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      ...options
    });
  }
}

/** Return named values as one line. */
export function formatValues(
  values: Readonly<Record<string, unknown>>
): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${formatValue(value, 24)}`)
    .join(', ');
}

/** Return a value as one short line of JSON, text without quotes. */
export function formatValue(value: unknown, longest = 60): string {
  const text =
    typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
