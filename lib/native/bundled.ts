// Whether the package has been taken into a bundle, where its addon, a file of its own, cannot be found.
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
    // Anything else, such as Node's permissions, says nothing about it.
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
