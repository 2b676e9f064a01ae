// Whether the package has been bundled, so that its addon, a separate file, cannot be found.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param root the folder that the loader takes for the package's
 * @returns true if that is another folder: a bundler has moved the code
 */
export function isBundled(root: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name?: unknown };
    return name !== 'ckl-loss';
  } catch (error) {
    // Other errors, such as those of Node's permissions, do not show that it is.
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
