import type { TranslationBundle } from '@jupyterlab/translation';

import type { AddKernelJob } from '../api';

/** A form for a new kernel as its fields stand. */
export interface IKernelForm {
  readonly source: 'prefix' | 'image';
  readonly prefix: string;
  readonly image: string;
  readonly name: string;
  readonly displayName: string;
  readonly memory: string;
  readonly cpus: string;
  readonly gpus: string;
  readonly network: string;
  readonly mounts: string; // one per line
}

export const EMPTY_KERNEL: IKernelForm = {
  source: 'prefix',
  prefix: '',
  image: '',
  name: '',
  displayName: '',
  memory: '',
  cpus: '',
  gpus: '',
  network: '',
  mounts: ''
};

type Field = keyof IKernelForm;

/** Return what is wrong with which field. */
export function kernelProblems(
  form: IKernelForm,
  trans: TranslationBundle
): Partial<Record<Field, string>> {
  const problems: Partial<Record<Field, string>> = {};
  if (form.source === 'prefix' && !form.prefix) {
    problems.prefix = trans.__('Choose an environment.');
  }
  if (form.source === 'image' && !form.image) {
    problems.image = trans.__('Name an image.');
  }
  if (!/^[A-Za-z0-9._-]{1,255}$/.test(form.name)) {
    problems.name = trans.__('Use letters, digits and . _ -');
  }
  if (form.memory && !/^\d+(\.\d+)?\s*[bkmgt]?b?$/i.test(form.memory)) {
    problems.memory = trans.__('Write it as 512m or 4g.');
  }
  if (form.cpus && !(Number(form.cpus) > 0)) {
    problems.cpus = trans.__('A number such as 1.5 is needed.');
  }
  return problems;
}

/** Read lines `source`, `source:target` or `source:target:ro`. */
export function readMounts(
  text: string
): { source: string; target?: string; read_only: boolean }[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
    .map(line => {
      const read_only = line.endsWith(':ro');
      const [source, target] = line.replace(/:r[ow]$/, '').split(':');
      return { source, ...(target ? { target } : {}), read_only };
    });
}

/** Return the job that makes the kernel. */
export function kernelRequest(form: IKernelForm): Omit<AddKernelJob, 'token'> {
  const limits = {
    ...(form.memory ? { memory: form.memory } : {}),
    ...(form.cpus ? { cpus: Number(form.cpus) } : {}),
    ...(form.gpus ? { gpus: form.gpus } : {})
  };
  const mounts = readMounts(form.mounts);
  return {
    kind: 'add-kernel',
    name: form.name,
    ...(form.source === 'image'
      ? { image: form.image }
      : { prefix: form.prefix }),
    ...(form.displayName ? { display_name: form.displayName } : {}),
    ...(form.network ? { network: form.network } : {}),
    ...(Object.keys(limits).length ? { limits } : {}),
    ...(mounts.length ? { mounts } : {})
  };
}
