// Mutation testing: do the suites notice when the code is wrong? CI runs only a fixed sample.
//
//   npm run test:mutants              everything, within CKL_MUTANT_MINUTES (default 120) shared by the three
//   npm run test:mutants -- --sample  the 20 mutations that CI runs
//   node test/mutants/{kinds,stryker,native}.mjs   one of them; see its first lines
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const minutes = Number(process.env.CKL_MUTANT_MINUTES ?? 120);
const run = (script, share, args = []) =>
  spawnSync(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: 'inherit',
    env: { ...process.env, CKL_MUTANT_MINUTES: String(minutes * share) },
  }).status === 0;

if (process.argv.includes('--sample')) process.exit(run('kinds.mjs', 1, ['--sample']) ? 0 : 1);
const fine = [run('kinds.mjs', 1), run('native.mjs', 0.3), run('stryker.mjs', 0.5)];
process.exit(fine.every(Boolean) ? 0 : 1);
