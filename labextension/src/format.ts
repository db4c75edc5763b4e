import type { TranslationBundle } from '@jupyterlab/translation';

const LONGEST_AGE = 30; // days; a date says more then
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Return a size in decimal units, as registries and disks are measured. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Return a duration in the two largest units that matter. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Return how long ago a time was, or its date. */
export function formatAge(
  time: string | null,
  now: number,
  trans: TranslationBundle
): string {
  if (!time) {
    return '';
  }
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
    : new Date(time).toLocaleDateString();
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
