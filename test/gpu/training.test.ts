// A training loop on one prepared loss: neither the memory of the GPU nor that of the process grows. (Ten minutes of it: bench:gpu --minutes.)
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sized } from './helpers';

it.each([
  ['1024x64', sized(40_000, 60)],
  ['64x32', sized(100_000, 100)],
])('%s, %d steps: memory stays flat', (shape, steps) => {
  const args = [
    '--expose-gc',
    'bench/gpu/training.mjs',
    '--shape',
    sized(shape, '16x32'),
    '--steps',
    String(steps),
  ];
  const run = spawnSync(process.execPath, args, {
    cwd: join(__dirname, '../..'),
    encoding: 'utf8',
    timeout: 240_000,
  });
  expect(run.stderr).toBe('');
  const result = JSON.parse(run.stdout);
  expect(result.steps).toBe(steps);
  expect(result.loss).toBeGreaterThan(0);
  expect(result.deviceGrowthMB).toBe(0);
  // What waits for the garbage collector; a leak of a hundred bytes a step would be as much again.
  expect(result.rssGrowthMB).toBeLessThan(30);
});
