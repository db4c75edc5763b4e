import type { TranslationBundle } from '@jupyterlab/translation';

import type { IParameterSchema } from './api';

/** Text of a field that was read, or why it can't be. */
export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/** Return how a value stands in a field of a form; texts stand as they are. */
export function fieldText(value: unknown): string {
  if (value === undefined || value === null) {
    return '';
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Return our type of a parameter, the wider one of JSON Schema where there is none. */
export function typeOf(schema: IParameterSchema): string {
  const names: Record<string, string> = {
    string: 'str',
    integer: 'int',
    number: 'float',
    boolean: 'bool',
    array: 'list',
    object: 'dict'
  };
  return schema['x-type'] ?? names[schema.type ?? ''] ?? 'json';
}

/** Read a field's text as its parameter's type; a text is never read as anything else. */
export function parseField(
  text: string,
  schema: IParameterSchema,
  trans: TranslationBundle
): Parsed {
  if (schema.enum) {
    const index = schema.enum.findIndex(choice => fieldText(choice) === text);
    return index < 0
      ? failed(trans.__('Choose one of the values.'))
      : { ok: true, value: schema.enum[index] };
  }
  const trimmed = text.trim();
  switch (typeOf(schema)) {
    case 'str':
      return { ok: true, value: text };
    case 'int':
      return /^[+-]?\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed))
        ? { ok: true, value: Number(trimmed) }
        : failed(trans.__('A whole number is needed.'));
    case 'float':
      return parseFloatField(trimmed, trans);
    case 'bool':
      return trimmed === 'true' || trimmed === 'false'
        ? { ok: true, value: trimmed === 'true' }
        : failed(trans.__('Choose true or false.'));
    case 'date':
      return isDate(trimmed)
        ? { ok: true, value: trimmed }
        : failed(trans.__('A date such as 2026-01-31 is needed.'));
    case 'datetime':
      return /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(trimmed) &&
        isDate(trimmed.slice(0, 10))
        ? { ok: true, value: trimmed }
        : failed(trans.__('A time such as 2026-01-31T12:00:00 is needed.'));
    default:
      return parseJsonField(trimmed, typeOf(schema), trans);
  }
}

function failed(problem: string): Parsed {
  return { ok: false, problem };
}

function parseFloatField(text: string, trans: TranslationBundle): Parsed {
  if (/^[+-]?(inf|infinity|nan)$/i.test(text)) {
    return { ok: true, value: text }; // JSON has no such numbers; the server takes the words
  }
  return text !== '' && Number.isFinite(Number(text))
    ? { ok: true, value: Number(text) }
    : failed(trans.__('A number is needed.'));
}

function parseJsonField(
  text: string,
  type: string,
  trans: TranslationBundle
): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return failed(
      trans.__(
        'This is not JSON: %1',
        error instanceof Error ? error.message : ''
      )
    );
  }
  if (type === 'list' && !Array.isArray(value)) {
    return failed(trans.__('A list such as [1, 2] is needed.'));
  }
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'dict' && !isObject) {
    return failed(trans.__('An object such as {"a": 1} is needed.'));
  }
  return { ok: true, value };
}

function isDate(text: string): boolean {
  const read = new Date(`${text}T00:00:00Z`);
  return (
    /^\d{4}-\d\d-\d\d$/.test(text) &&
    !Number.isNaN(read.getTime()) &&
    read.toISOString().startsWith(text)
  );
}
