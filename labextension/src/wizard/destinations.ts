import type { IServices } from '../services';
import type { IDestination } from './state';

const KEY = 'kernel-containers:destination';

type State = IServices['state'];

/** Return where this notebook's images went, else where those of any notebook did. */
export async function recallDestination(
  state: State,
  notebook: string
): Promise<Partial<IDestination>> {
  for (const key of [`${KEY}:${notebook}`, KEY]) {
    const found = (await state?.fetch(key)) as
      Partial<IDestination> | undefined;
    if (found) {
      return found;
    }
  }
  return {};
}

/** Keep where an image went, for the notebook's next time and as a proposal for others. */
export async function keepDestination(
  state: State,
  notebook: string,
  destination: IDestination
): Promise<void> {
  const { kind, host } = destination;
  await state?.save(`${KEY}:${notebook}`, { ...destination });
  await state?.save(KEY, { kind, host });
}
