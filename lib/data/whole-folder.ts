// Writes a folder of files that appears under its name only when all are complete, and never replaces
// anything.
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OutputError } from './errors.js';
import { findTarget, partialName, partials, writeWhole } from './whole-file.js';

/**
 * Checks that a folder can be created, without creating it.
 *
 * @returns its absolute path
 * @throws OutputError if it exists and is not empty, is not a folder, or its parent folder is missing or
 * read-only
 */
export async function findNewFolder(dir: string): Promise<string> {
  if (dir === '') throw new OutputError(dir, 'it needs a name');
  const path = resolve(dir);
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isDirectory()) throw new OutputError(dir, 'it exists and is not a folder');
  if (found && (await readdir(path)).length > 0)
    throw new OutputError(dir, 'it exists and is not empty; name a new or an empty folder');
  // A file with an unused name shows whether the parent folder accepts a new entry.
  await findTarget(join(dirname(path), partialName(path)), { streams: false }).catch((error: Error) => {
    throw new OutputError(dir, error instanceof OutputError ? error.why : error.message, { cause: error });
  });
  return path;
}

/**
 * Writes a folder with all its files under a temporary name next to its final one, and renames it in one step.
 *
 * @param files name, also of files in folders of it as `a/b` -> content
 * @throws OutputError if it cannot be written; nothing of it is left then
 */
export async function writeWholeFolder(
  dir: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  const path = await findNewFolder(dir);
  const partial = join(dirname(path), partialName(basename(path)));
  partials.add(partial);
  try {
    await mkdir(partial);
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(partial, name)), { recursive: true });
      await writeWhole(join(partial, name), content);
    }
    // Not every system renames over a folder, even an empty one.
    await rmdir(path).catch(() => undefined);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (error instanceof OutputError) throw new OutputError(dir, error.why, { cause: error });
    if (error instanceof Error && 'syscall' in error)
      throw new OutputError(dir, error.message, { cause: error });
    throw error;
  } finally {
    partials.delete(partial);
  }
}
