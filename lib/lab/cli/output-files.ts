// The files that a command is asked to write: whether they can be written is known before the work, and no failure costs the other results.
import { OutputError } from '../../data/errors.js';
import { findTarget, writeWhole } from '../../data/whole-file.js';
import { standardOutput } from './standard-streams.js';
import type { Output } from './progress.js';
import { UsageError } from './usage.js';

export interface OutputCheck {
  /** Options whose files must be plain files: what is written again and again, such as a checkpoint. */
  plain?: readonly string[];
}

/**
 * @param asked option -> file; options that were not given are undefined
 * @throws UsageError naming the option whose file cannot be written, and why
 */
export async function checkOutputs(
  asked: Readonly<Record<string, string | undefined>>,
  { plain = ['checkpoint'] }: OutputCheck = {},
): Promise<void> {
  for (const [option, file] of Object.entries(asked)) {
    if (file === undefined) continue;
    try {
      await findTarget(file, { streams: !plain.includes(option) });
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      throw new UsageError(`--${option}: ${error.message}`, { cause: error });
    }
    standardOutput.outlived = true;
  }
}

/** A file that was asked for, if it was, and what makes its content. */
export type Asked = readonly [file: string | undefined, content: () => string | Promise<string>];

/**
 * Writes the files of a finished run, then prints its report. A file that cannot be written costs neither the other files nor the report.
 *
 * @throws the error of the file that could not be made or written, or an AggregateError of several, after all the others are
 */
export async function deliver(out: Output, report: string, files: readonly Asked[]): Promise<void> {
  const errors: unknown[] = [];
  for (const [file, content] of files) {
    if (file === undefined) continue;
    try {
      await writeWhole(file, await content());
    } catch (error) {
      errors.push(error);
    }
  }
  out.write(report);
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
}
