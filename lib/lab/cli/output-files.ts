// The files that a command is asked to write: whether they can be written is known before the work, not after.
import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeWhole } from '../../data/whole-file.js';
import { UsageError } from './usage.js';

/**
 * @param asked option -> file; options that were not given are undefined
 * @throws UsageError naming the option whose file cannot be written, and why
 */
export async function checkOutputs(asked: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [option, file] of Object.entries(asked)) {
    if (file === undefined) continue;
    const refuse = (why: string): never => {
      throw new UsageError(`--${option}: ${JSON.stringify(file)} cannot be written: ${why}`);
    };
    if (file === '') refuse('it needs a name');
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory()) refuse('it is a folder');
    const folder = dirname(file);
    if (!found && !(await stat(folder).catch(() => undefined))?.isDirectory())
      refuse(`there is no folder ${folder}`);
    await access(found ? file : folder, constants.W_OK).catch((error: Error) => refuse(error.message));
  }
}

/** Writes a text; the file appears once it is whole. */
export async function writeOutput(file: string, text: string): Promise<void> {
  await writeWhole(file, (path) => writeFile(path, text));
}
