import type { TranslationBundle } from '@jupyterlab/translation';

import type { Job } from '../api';

/** Return a job's title without the registry and most of the digest of an image. */
export function shortTitle(title: string): string {
  const found = /([^/]+)@sha256:([0-9a-f]{8})[0-9a-f]*$/.exec(title);
  return found ? `${found[1]}@${found[2]}` : title;
}

/** Return a state in words. */
export function stateWord(state: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    queued: trans.__('Waiting'),
    running: trans.__('Running'),
    cancelling: trans.__('Stopping'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    cancelled: trans.__('Stopped'),
    lost: trans.__('Lost')
  };
  return words[state] ?? state;
}

/** Return a state's mark, so that its colour is not all that tells it. */
export function stateMark(state: string): string {
  const marks: Record<string, string> = {
    queued: '…',
    running: '▶',
    cancelling: '■',
    succeeded: '✓',
    failed: '✕',
    cancelled: '■',
    lost: '?'
  };
  return marks[state] ?? '·';
}

/** Return the reason of a run's end in plain words; the server's message says more. */
export function causeWord(
  cause: string | null,
  trans: TranslationBundle
): string {
  const words: Record<string, string> = {
    completed: trans.__('Completed'),
    'cell-failed': trans.__('A cell failed'),
    exit: trans.__('The notebook ended itself'),
    parameters: trans.__('The parameters could not be applied'),
    'kernel-start': trans.__('The kernel did not start'),
    'kernel-died': trans.__('The kernel died'),
    'out-of-memory': trans.__('Out of memory'),
    'cell-timeout': trans.__('A cell took too long'),
    deadline: trans.__('The run took too long'),
    terminated: trans.__('Stopped'),
    outputs: trans.__('The results could not be written'),
    defect: trans.__('The runner has a defect')
  };
  return cause ? (words[cause] ?? cause) : '';
}

/** Return a stage's name in words. */
export function stageWord(name: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    plan: trans.__('Plan'),
    pull: trans.__('Pull'),
    base: trans.__('Base image'),
    layers: trans.__('Layers'),
    layer: trans.__('Layers'),
    build: trans.__('Build'),
    runner: trans.__('Runner'),
    push: trans.__('Push'),
    load: trans.__('Load into the engine'),
    run: trans.__('Run')
  };
  const layer = /^layer (.+)$/.exec(name);
  return layer
    ? trans.__('Layer: %1', layer[1])
    : (words[name] ?? name.charAt(0).toUpperCase() + name.slice(1));
}

/** Return what a job does in words. */
export function kindWord(kind: Job['kind'], trans: TranslationBundle): string {
  const words: Record<Job['kind'], string> = {
    containerize: trans.__('Image'),
    push: trans.__('Push'),
    pull: trans.__('Pull'),
    'add-kernel': trans.__('Kernel'),
    run: trans.__('Run')
  };
  return words[kind];
}
