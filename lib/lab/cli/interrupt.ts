// Ctrl-C as an AbortSignal for long work, and its messages.
import type { Output } from './progress.js';

/** The exit code of a command that was ended by Ctrl-C, by the shell's convention 128 + SIGINT. */
export const INTERRUPTED = 130;

/** A signal that the first Ctrl-C aborts. A second one ends the program at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}

/**
 * Reports that a command was interrupted, what it had reached, and how to resume.
 *
 * @param after what was reached, '' if nothing is worth mentioning
 * @param files those of its checkpoint
 */
export function reportInterruption(
  out: Output,
  after: string,
  { checkpoint, resume }: { checkpoint?: string; resume?: string },
): void {
  const goOn =
    checkpoint !== undefined
      ? `the same command goes on from ${checkpoint}`
      : resume !== undefined
        ? `${resume} is as it was; --checkpoint FILE would keep what is done`
        : 'nothing is kept; --checkpoint FILE would keep what is done';
  out.write(`interrupted${after === '' ? '' : ` after ${after}`}; ${goOn}\n`);
}

/** The state of a training, for {@link reportInterruption}. */
export const reachedText = ({ epoch, epochs, step, steps }: Reached): string =>
  `batch ${step} of ${steps}, in epoch ${epoch} of ${epochs}`;

interface Reached {
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
}
