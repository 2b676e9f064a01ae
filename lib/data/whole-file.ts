// Files that appear only once they are whole.
import { lstat, rename, rm } from 'node:fs/promises';

/**
 * Has `write` fill a file beside the target and moves it there when it is done, so that a failure leaves what was there before. What is no
 * plain file (a link, a pipe, a terminal) is written as it is: moving something there would put a file in its place.
 */
export async function writeWhole(target: string, write: (path: string) => Promise<unknown>): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found && !found.isFile()) {
    await write(target);
    return;
  }
  const partial = `${target}.partial`;
  try {
    await write(partial);
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
