// Keeps two processes from using one file: a lock file next to it names the process that holds it.
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';

/** The holder of a lock, in words. */
export class LockedError extends Error {}

/**
 * Takes the lock of a file, also from a process of this machine that is gone.
 *
 * @returns what releases it
 * @throws LockedError while another has it; a file system's error where none can be made
 */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  const path = `${file}.lock`;
  const own = `${path}.${randomUUID()}`;
  const mark = `${process.pid} ${hostname()}\n`;
  await writeFile(own, mark, { flag: 'wx' });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        // Unlike a plain write, a link fails where there is a lock, and is whole where there is none.
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
