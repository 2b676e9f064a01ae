// A short run of the fuzzers, always the same; test/fuzz/campaign.ts says how to run them for longer.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it.each([
  ['native', 1000],
  ['api', 1000],
  ['readers', 300],
  ['checkpoints', 30],
])('the fuzzer of %s finds nothing in %i cases', { timeout: 300_000 }, (name, cases) => {
  const { stdout, stderr } = spawnSync(process.execPath, [join(__dirname, '../../fuzz/run.mjs'), name], {
    encoding: 'utf8',
    env: { ...process.env, CKL_FUZZ_SEED: '1', CKL_FUZZ_CASES: String(cases) },
  });
  expect(stderr).toBe('');
  expect(stdout).toContain(`${cases} cases of seed 1, nothing found`);
});
