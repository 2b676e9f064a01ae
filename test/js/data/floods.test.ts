// A flood of columns or of empty lines, read by a process with little memory.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { scratch } from './files';

const files = scratch();

it('a flood of columns or of newlines takes little more memory than its longest line', async () => {
  const flood = files.write('flood.txt', 'a '.repeat(15_000_000));
  const newlines = files.write('newlines.gz', gzipSync('\n'.repeat(100_000_000)));
  const script = `
    const { readQrels, readRun, readTeacher } = require(${JSON.stringify(join(__dirname, '../../../dist/data/index.js'))});
    const options = { skipBad: true };
    (async () => {
      for (const path of ${JSON.stringify([flood, newlines])})
        for (const read of [readQrels, readRun, (file) => readTeacher(file, 'hofstaetter', options)])
          for await (const record of read(path, options)) throw new Error('a record');
      console.log('done');
    })();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--max-old-space-size=128', '-e', script]);
  expect(stdout).toBe('done\n');
});
