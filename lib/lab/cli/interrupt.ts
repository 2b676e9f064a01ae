// Ctrl-C as an AbortSignal for long work.

/** The exit code of a command that was ended by Ctrl-C, by the shell's convention 128 + SIGINT. */
export const INTERRUPTED = 130;

/** A signal that the first Ctrl-C aborts. A second one ends the program at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
