// A file system of a test's own, which it can fill or have read-only, where the machine lets it mount one.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export interface SmallFileSystem {
  dir: string;
  /** Why there is none; undefined where there is. */
  missing?: string;
  /** Leaves so many bytes of room. */
  fill(room: number): void;
  empty(): void;
  readOnly(): void;
}

const KIB = 256;

/** Mounts it in a folder below the given one, and unmounts it when the tests of the file are done. */
export function smallFileSystem(parent: string): SmallFileSystem {
  const dir = join(parent, 'small');
  mkdirSync(dir);
  const mount = (...args: string[]) => {
    const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
    return status === 0 ? undefined : (error?.message ?? stderr.trim());
  };
  const missing = mount('-t', 'tmpfs', '-o', `size=${KIB}k`, 'tmpfs', dir);
  if (missing === undefined) afterAll(() => void spawnSync('umount', [dir]));
  return {
    dir,
    missing,
    fill(room) {
      try {
        // One file a page, so that the room left is exact.
        for (let i = 0; i < 1000; i++) writeFileSync(join(dir, `filling${i}`), Buffer.alloc(4096));
      } catch {
        // Full.
      }
      for (let i = 0; i < room / 4096; i++) rmSync(join(dir, `filling${i}`));
    },
    empty() {
      for (const name of readdirSync(dir)) rmSync(join(dir, name));
    },
    readOnly() {
      mount('-o', 'remount,ro', dir);
    },
  };
}
