// The lock of a file: whom it keeps out, what it says of its holder, and that it gives up on one that comes back.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type * as Files from 'node:fs/promises';
import { hostname } from 'node:os';
import { beforeEach, expect, it, vi } from 'vitest';
import { LockedError, lockFile } from '../../../../lib/lab/experiment/lock';
import { scratch } from '../../data/files';

/** What a process that does the same at the same time does when a lock is removed. */
const afterRemoval = vi.hoisted(() => ({ of: (_path: string): void => undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Files>();
  return {
    ...real,
    rm: async (path: string, options: object) => {
      await real.rm(path, options);
      afterRemoval.of(path);
    },
  };
});

const files = scratch();
/** No process has this number. */
const GONE = `4194999 ${hostname()}\n`;
beforeEach(() => {
  afterRemoval.of = () => undefined;
});

it('is held until it is released, and then leaves nothing', async () => {
  const file = files.write('one', '');
  const release = await lockFile(file);
  expect(readFileSync(`${file}.lock`, 'utf8')).toBe(`${process.pid} ${hostname()}\n`);
  await expect(lockFile(file)).rejects.toThrow(LockedError);
  await release();
  expect(existsSync(`${file}.lock`)).toBe(false);
  // Somebody who was told to remove it may have done so already.
  const again = await lockFile(file);
  rmSync(`${file}.lock`);
  await again();
});

it('is taken from a process that is gone, but not from one of another machine', async () => {
  const file = files.write('two', '');
  writeFileSync(`${file}.lock`, GONE);
  await (
    await lockFile(file)
  )();
  // What names no process is no lock: half a line, no line, another text.
  for (const text of [
    '',
    '4194999',
    `${process.pid} ${hostname()}`,
    'some text\n',
    ` ${process.pid} ${hostname()}\n`,
  ]) {
    writeFileSync(`${file}.lock`, text);
    await (
      await lockFile(file)
    )();
  }
  writeFileSync(`${file}.lock`, '4194999 another-machine\n');
  await expect(lockFile(file)).rejects.toThrow(
    `in use by process 4194999 on another-machine; if that process is gone, remove ${file}.lock`,
  );
});

it('is given up where another process takes it each time', async () => {
  const file = files.write('three', '');
  const lock = `${file}.lock`;
  writeFileSync(lock, GONE);
  let removed = 0;
  afterRemoval.of = (path) => {
    if (path !== lock) return;
    removed++;
    // Without an end to the test, an endless loop would not show.
    if (removed > 20) throw new Error('it goes on for ever');
    writeFileSync(lock, GONE);
  };
  await expect(lockFile(file)).rejects.toThrow(LockedError);
  expect(removed).toBe(3);
});
