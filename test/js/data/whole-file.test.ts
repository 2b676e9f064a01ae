// Files that are written whole, and pipes, which are written as they are.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { OutputError } from '../../../lib/data/index';
import { writeWhole } from '../../../lib/data/whole-file';
import { scratch } from './files';

const files = scratch();

it('says why a file cannot be written, with the system’s error where there was one', async () => {
  const fault = (file: string) =>
    writeWhole(file, 'x').then(
      () => undefined,
      (error: Error) => error,
    );
  const missing = await fault(join(files.dir, 'none/file'));
  expect(missing).toBeInstanceOf(OutputError);
  expect(missing!.message).toContain('there is no folder');
  expect(missing!.cause).toMatchObject({ code: 'ENOENT' });
  for (const [file, why] of [
    ['', 'it needs a name'],
    [`${files.dir}/`, 'it is a folder'],
    [join(files.dir, 'none/'), 'it names a folder'],
  ] as const) {
    const error = await fault(file);
    expect(error).toBeInstanceOf(OutputError);
    expect(error!.message).toContain(why);
    expect('cause' in error!).toBe(false);
  }
});

it('replaces a file in one step and leaves nothing beside it', async () => {
  const path = files.write('file', 'before');
  await writeWhole(path, 'after');
  expect(readFileSync(path, 'utf8')).toBe('after');
  expect(readdirSync(files.dir)).toEqual(['file']);
});

it.runIf(process.platform !== 'win32')('writes to a pipe, and leaves it a pipe', async () => {
  const pipe = join(files.dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [found] = await Promise.all([
    text(reader.stdout),
    once(reader, 'close'),
    writeWhole(pipe, 'through'),
  ]);
  expect(found).toBe('through');
  expect(lstatSync(pipe).isFIFO()).toBe(true);
});
