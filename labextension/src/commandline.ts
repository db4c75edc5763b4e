/** Text for a POSIX shell. */

const PLAIN = /^[\w@%+=:,./-]+$/;

/** Return one word that a shell reads as `text`. */
export function quote(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/**
 * Return a word for the path of a file below the server's root folder.
 *
 * Jupyter writes the root with `~` when it lies in the home folder of the server's user; the
 * tilde must stay outside of quotes to be expanded.
 */
export function quotePath(root: string, path: string): string {
  const whole = `${root.replace(/\/+$/, '')}/${path}`;
  if (whole.startsWith('~/')) {
    return `~/${quote(whole.slice(2))}`;
  }
  return quote(root ? whole : path);
}

/** Return the command that containerizes a notebook with a kernel. */
export function containerizeCommand(
  notebook: string,
  kernel: string | undefined
): string {
  const words = ['kernel-containers', 'containerize', notebook];
  if (kernel) {
    words.push('--kernel', quote(kernel));
  }
  return words.join(' ');
}
