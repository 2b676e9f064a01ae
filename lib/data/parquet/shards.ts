// Resolves a path to Parquet files: one, those of a folder, or those whose names match a pattern with *.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../errors.js';

/**
 * Whether a path can only mean several Parquet files: it is a folder, or has a * in its last part and is not
 * a file.
 */
export async function isSharded(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found ? found.isDirectory() : basename(path).includes('*');
}

/**
 * The files of a path, in the order of their names.
 *
 * @throws DataError if a folder has no Parquet file, or no name matches the pattern
 */
export async function shardsOf(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  const folder = found?.isDirectory() ?? false;
  if (!folder && (found || !basename(path).includes('*'))) return [path];
  const dir = folder ? path : dirname(path);
  const names = await readdir(dir).catch((error: Error) => {
    throw new DataError(dir, 0, 'a readable folder', error.message, { cause: error });
  });
  const fits = folder ? /\.parquet$/ : pattern(basename(path));
  const shards = names.filter((name) => fits.test(name)).sort();
  if (shards.length === 0)
    throw new DataError(
      path,
      0,
      folder ? 'Parquet files (*.parquet) in this folder' : 'files with such names',
      'none',
    );
  return shards.map((name) => join(dir, name));
}

/** `*` stands for any characters. */
function pattern(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
