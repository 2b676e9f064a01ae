// Files that are written whole, and pipes, which are written as they are.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { writeWhole } from '../../../lib/data/whole-file';
import { scratch } from './files';

const files = scratch();

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
