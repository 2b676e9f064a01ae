// A short run of the fuzzers, always the same; test/fuzz/campaign.ts says how to run them for longer.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it.each(['native'])('the fuzzer of %s finds nothing', (name) => {
  const { stdout, stderr } = spawnSync(process.execPath, [join(__dirname, '../../fuzz/run.mjs'), name], {
    encoding: 'utf8',
    env: { ...process.env, CKL_FUZZ_SEED: '1', CKL_FUZZ_CASES: '1000' },
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('1000 cases of seed 1, nothing found');
});
