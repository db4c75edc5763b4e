import type { TranslationBundle } from '@jupyterlab/translation';

import type { IParametersSchema, JobRequest } from './api';
import { fieldText, parseField, typeOf } from './values';

export const LARGEST_SWEEP = 100; // runs of one sweep

/** A form of an image's parameters as its fields stand. */
export interface IForm {
  readonly texts: Readonly<Record<string, string>>;
  readonly touched: readonly string[];
  readonly sweep: boolean;
  readonly output: string;
  readonly memory: string;
  readonly timeout: string;
  readonly allowErrors: boolean;
}

type Problems = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, unknown>>;

/** Return the form with the defaults, or with the values of an earlier run. */
export function initialForm(schema: IParametersSchema, given: Values): IForm {
  const texts: Record<string, string> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value =
      name in given && !property.writeOnly ? given[name] : property.default;
    texts[name] = fieldText(value);
  }
  return {
    texts,
    touched: [],
    sweep: false,
    output: '',
    memory: '',
    timeout: '',
    allowErrors: false
  };
}

/** Return the names of given values that the image does not take. */
export function unknownNames(
  schema: IParametersSchema,
  given: Values
): string[] {
  return Object.keys(given).filter(
    name => !(name in (schema.properties ?? {}))
  );
}

/** Read all fields; a field that holds its default is not given. */
export function readForm(
  form: IForm,
  schema: IParametersSchema,
  trans: TranslationBundle
): {
  values: Values;
  secrets: Readonly<Record<string, string>>;
  problems: Problems;
} {
  const values: Record<string, unknown> = {};
  const secrets: Record<string, string> = {};
  const problems: Record<string, string> = { ...timeoutProblem(form, trans) };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const text = form.texts[name] ?? '';
    const required = schema.required?.includes(name) ?? false;
    if (property.writeOnly) {
      if (text) {
        secrets[name] = text;
      } else if (required) {
        problems[name] = trans.__('A value is needed for each run.');
      }
      continue;
    }
    const untouched = text === fieldText(property.default);
    if (untouched && 'default' in property) {
      continue;
    }
    if (untouched && !required) {
      continue; // a default that is too long to be shown
    }
    const read = parseField(text, property, trans);
    if (!read.ok || (text === '' && required && typeOf(property) !== 'str')) {
      problems[name] = read.ok ? trans.__('A value is needed.') : read.problem;
    } else {
      values[name] = read.value;
    }
  }
  return { values, secrets, problems };
}

function timeoutProblem(form: IForm, trans: TranslationBundle): Problems {
  const seconds = Number(form.timeout);
  return form.timeout === '' || (Number.isFinite(seconds) && seconds > 0)
    ? {}
    : { '#timeout': trans.__('A number of seconds is needed.') };
}

/** Read each field as a list of values; `combinations` are all of them with each other. */
export function readSweep(
  form: IForm,
  schema: IParametersSchema,
  trans: TranslationBundle
): { combinations: readonly Values[]; count: number; problems: Problems } {
  const problems: Record<string, string> = { ...timeoutProblem(form, trans) };
  let combinations: Values[] = [{}];
  let count = 1;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const text = form.texts[name] ?? '';
    if (property.writeOnly || text === fieldText(property.default)) {
      continue;
    }
    const values: unknown[] = [];
    for (const item of splitValues(text, typeOf(property))) {
      const read = parseField(item, property, trans);
      if (read.ok) {
        values.push(read.value);
      } else {
        problems[name] = read.problem;
      }
    }
    count *= Math.max(1, values.length);
    if (count > LARGEST_SWEEP) {
      problems[name] = trans.__('At most %1 runs in one sweep.', LARGEST_SWEEP);
      continue;
    }
    combinations = combinations.flatMap(values_ =>
      values.map(value => ({ ...values_, [name]: value }))
    );
  }
  return { combinations, count, problems };
}

const RANGE = /^(-?[\d.]+)\.\.(-?[\d.]+)(?:\s+step\s+([\d.]+))?$/;

/** Return the texts of several values: a list with commas, and ranges of numbers. */
export function splitValues(text: string, type: string): string[] {
  if (type === 'list' || type === 'dict' || type === 'json') {
    return [text]; // a comma belongs to the value
  }
  return text
    .split(',')
    .map(item => item.trim())
    .flatMap(item => {
      const range =
        type === 'int' || type === 'float' ? RANGE.exec(item) : null;
      return range
        ? numbers(Number(range[1]), Number(range[2]), Number(range[3] ?? 1))
        : [item];
    });
}

function numbers(from: number, to: number, step: number): string[] {
  const found: string[] = [];
  if (!(step > 0)) {
    return [String(from)];
  }
  const count = Math.floor((to - from) / step + 1e-9);
  for (let index = 0; index <= count && index <= LARGEST_SWEEP; index += 1) {
    // Rounded, because 0.1 * 3 is not 0.3.
    found.push(String(Number((from + index * step).toPrecision(12))));
  }
  return found;
}

/** Return the jobs to ask for: one run, or one for each combination of a sweep. */
export function runRequests(
  image: string,
  form: IForm,
  schema: IParametersSchema,
  trans: TranslationBundle,
  token: string
): JobRequest[] {
  const { values, secrets } = readForm(form, schema, trans);
  const common = {
    kind: 'run' as const,
    image,
    ...(Object.keys(secrets).length ? { secrets } : {}),
    ...(form.output.trim() ? { output: form.output.trim() } : {}),
    ...(form.memory.trim() ? { limits: { memory: form.memory.trim() } } : {}),
    ...(form.timeout ? { timeout: Number(form.timeout) } : {}),
    allow_errors: form.allowErrors
  };
  if (!form.sweep) {
    return [{ ...common, parameters: { ...values }, token }];
  }
  return readSweep(form, schema, trans).combinations.map(
    (combination, index) => ({
      ...common,
      parameters: { ...combination },
      token: `${token}-${index}`,
      group: token
    })
  );
}
