/** Text for a POSIX shell. */

const PLAIN = /^[\w@%+=:,./-]+$/;

/** Return one word that a shell reads as `text`. */
export function quote(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** Return the command that containerizes a notebook with a kernel. */
export function containerizeCommand(
  notebook: string,
  kernel: string | undefined
): string {
  const words = ['kernel-containers', 'containerize', quote(notebook)];
  if (kernel) {
    words.push('--kernel', quote(kernel));
  }
  return words.join(' ');
}
