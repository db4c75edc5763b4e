import { nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Declaration, Variable } from '../api';
import { fieldText, parseField } from '../values';
import type { IEdit } from './state';

export const TYPES = [
  'str',
  'int',
  'float',
  'bool',
  'date',
  'datetime',
  'list',
  'dict',
  'enum',
  'json'
] as const;

const trans = nullTranslator.load('kernel_containers');

/** A parameter as it will be: what was found, with what the user changed. */
export interface IEdited {
  readonly type: Variable['type'];
  readonly default: string; // as it stands in a field
  readonly description: string;
  readonly choices: string; // separated by commas
}

/** Return a variable with its changes, as texts of fields. */
export function edited(variable: Variable, edit: IEdit = {}): IEdited {
  return {
    type: edit.type ?? variable.type,
    default: edit.default ?? fieldText(variable.default),
    description: edit.description ?? variable.description,
    choices: edit.choices ?? variable.choices.map(fieldText).join(', ')
  };
}

/** Return why a changed parameter can't be so, by field; nothing for what is as it was found. */
export function editProblems(
  variable: Variable,
  edit: IEdit | undefined,
  secret: boolean,
  words: TranslationBundle = trans
): { default?: string; choices?: string } {
  if (!edit || secret) {
    return {};
  }
  const shown = edited(variable, edit);
  if (shown.type === 'enum') {
    const choices = choicesOf(shown);
    return choices.length === 0
      ? { choices: words.__('Name the values, separated by commas.') }
      : !choices.includes(shown.default)
        ? { default: words.__('Choose one of the values.') }
        : {};
  }
  if (variable.required && edit.default === undefined) {
    return {};
  }
  const read = parseField(shown.default, { 'x-type': shown.type }, words);
  return read.ok ? {} : { default: read.problem };
}

/** Return what to tell the server of a changed parameter, null where nothing was changed. */
export function declarationOf(
  variable: Variable,
  edit: IEdit | undefined,
  secret: boolean
): Declaration | null {
  const shown = edited(variable, edit);
  const declared: Declaration = { excluded: false };
  if (variable.secret && !secret) {
    declared.secret = false; // although its name looks like one
  }
  if (shown.description !== variable.description) {
    declared.description = shown.description;
  }
  if (!secret) {
    if (shown.type !== variable.type) {
      declared.type = shown.type;
    }
    if (shown.type === 'enum' && edit?.choices !== undefined) {
      declared.choices = choicesOf(shown).map(choice =>
        valueOf(choice, variable)
      );
    }
    const changed = shown.default !== fieldText(variable.default);
    if (changed || declared.type) {
      declared.default =
        shown.type === 'enum'
          ? valueOf(shown.default, variable)
          : parsed(shown);
    }
  }
  return Object.keys(declared).length > 1 ? declared : null;
}

function parsed(shown: IEdited): unknown {
  const read = parseField(shown.default, { 'x-type': shown.type }, trans);
  return read.ok ? read.value : shown.default;
}

/** A choice has the type that the variable has in the notebook. */
function valueOf(text: string, variable: Variable): unknown {
  const type = typeof variable.default === 'number' ? 'float' : 'str';
  const read = parseField(text, { 'x-type': type }, trans);
  return read.ok ? read.value : text;
}

function choicesOf(shown: IEdited): string[] {
  return shown.choices
    .split(',')
    .map(choice => choice.trim())
    .filter(Boolean);
}
