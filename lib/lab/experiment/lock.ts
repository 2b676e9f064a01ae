// Keeps two processes from using one file: a lock file next to it names the process that holds it.
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';

/** The holder of a lock, in words. */
export class LockedError extends Error {}

/**
 * Takes the lock of a file, even if it was held by a process of this machine that no longer exists.
 *
 * @returns a function that releases it
 * @throws LockedError while another process holds it; the file system's error if a lock cannot be created
 */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  const path = `${file}.lock`;
  const own = `${path}.${randomUUID()}`;
  const mark = `${process.pid} ${hostname()}\n`;
  await writeFile(own, mark, { flag: 'wx' });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        // Unlike a plain write, creating a link fails if the lock exists, and is atomic if it does not.
        await link(own, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (attempt > 2 || isHeld(holder))
        throw new LockedError(
          `in use by process ${holder.trim().replace(' ', ' on ')}; if that process is gone, remove ${path}`,
        );
      await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Whether the process that a lock names runs; one on another machine might. */
function isHeld(holder: string): boolean {
  const [, pid, host] = /^(\d+) (.*)\n$/.exec(holder) ?? [];
  if (pid === undefined) return false;
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
