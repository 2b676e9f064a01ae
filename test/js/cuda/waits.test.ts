// Waiting for a GPU takes no thread of libuv's pool, and a stream that stands still keeps no other waiting.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { isEmulated } from './helpers';

const folder = mkdtempSync(join(tmpdir(), 'ckl-waits-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Only emulated streams can be stopped.
describe.runIf(isEmulated)('waiting for the GPU', () => {
  it('leaves the only thread of the pool to files and crypto, and ends in order', async () => {
    const hold = join(folder, 'hold');
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [join(__dirname, 'waits.cjs'), hold],
      { env: { ...process.env, UV_THREADPOOL_SIZE: '1', CKL_EMULATOR_HOLD: hold }, timeout: 120_000 },
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual([
      'the pool works: true, settled meanwhile: 0',
      'settled: 20 of 20',
      'the losses are right: true',
      'settled before it: other other',
      'settled after it: still still',
      'pinned arrays are read and written in the stream: true',
      'in order: 0 1 2 3 4',
    ]);
  }, 130_000);
});
