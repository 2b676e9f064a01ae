// The lock of a file: whom it keeps out, what it says of its holder, and that it gives up on one that comes back.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type * as Files from 'node:fs/promises';
import { hostname } from 'node:os';
import { beforeEach, expect, it, vi } from 'vitest';
import { LockedError, lockFile } from '../../../../lib/lab/experiment/lock';
import { scratch } from '../../data/files';

/** What a process that does the same at the same time does when a lock is removed. */
const afterRemoval = vi.hoisted(() => ({ of: (_path: string): void => undefined }));
/** What happens once a lock has been read. */
const afterReading = vi.hoisted(() => ({ of: (_path: string): void => undefined }));
const linking = vi.hoisted(() => ({ error: undefined as Error | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Files>();
  return {
    ...real,
    rm: async (path: string, options: object) => {
      await real.rm(path, options);
      afterRemoval.of(path);
    },
    readFile: async (path: string, encoding: 'utf8') => {
      const text = await real.readFile(path, encoding);
      afterReading.of(path);
      return text;
    },
    link: async (from: string, to: string) => {
      if (linking.error) throw linking.error;
      await real.link(from, to);
    },
  };
});

const files = scratch();
/** No process has this number. */
const GONE = `4194999 ${hostname()}\n`;
beforeEach(() => {
  afterRemoval.of = () => undefined;
  afterReading.of = () => undefined;
  linking.error = undefined;
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

it('is taken where its holder lets go of it while it is looked at', async () => {
  const file = files.write('four', '');
  const lock = `${file}.lock`;
  writeFileSync(lock, GONE);
  afterReading.of = () => rmSync(lock);
  await (
    await lockFile(file)
  )();
  // Or before that.
  writeFileSync(lock, GONE);
  let reads = 0;
  afterReading.of = () => {
    rmSync(lock);
    if (++reads === 1) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
  };
  await (
    await lockFile(file)
  )();
  expect(reads).toBe(1);
});

it('fails as the file system does where no lock can be made, and leaves nothing', async () => {
  const file = files.write('five', '');
  linking.error = Object.assign(new Error('links are not permitted'), { code: 'EPERM' });
  await expect(lockFile(file)).rejects.toBe(linking.error);
  expect(readdirSync(files.dir).filter((name) => name.startsWith('five.'))).toEqual([]);
});
