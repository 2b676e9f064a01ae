// Runs the fuzzers, each in a process of its own: npm run test:fuzz -- [native] [api] [embeddings] [readers] [checkpoints] [rows]; without names all.
// `rows` is a program in C++: it is compiled with AddressSanitizer, in build/fuzz-rows, which takes minutes the first time.
// Budget and seed come from the environment (campaign.ts). A crash is reported with the case that it happened in.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const out = join(root, 'build/fuzz');
const all = ['native', 'api', 'embeddings', 'readers', 'checkpoints', 'rows'];
const names = process.argv.length > 2 ? process.argv.slice(2) : all;
for (const name of names) {
  if (all.includes(name)) continue;
  console.error(`no fuzzer is named ${name}; there are ${all.join(', ')}`);
  process.exit(2);
}
mkdirSync(out, { recursive: true });
buildSync({
  entryPoints: names.filter((name) => name !== 'rows').map((name) => join(here, `${name}.ts`)),
  outdir: out,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'error',
  // Optional packages.
  // The addon is found from where the package's own bundle lies.
  define: { __dirname: JSON.stringify(join(root, 'dist')) },
  external: ['@observablehq/plot', 'linkedom', '@tensorflow/tfjs-core', 'node-gyp-build'],
});

/** The program and its arguments. */
function commandOf(name) {
  if (name !== 'rows')
    return [process.execPath, ['--expose-gc', '--enable-source-maps', join(out, `${name}.cjs`)]];
  const build = join(root, 'build/fuzz-rows');
  const options = ['-DCMAKE_BUILD_TYPE=Release', '-DCKL_SANITIZE=ON', '-DCKL_TESTS=ON', '-DCKL_CUDA=OFF'];
  for (const args of [
    ['-S', root, '-B', build, ...options],
    ['--build', build, '--target', 'ckl_fuzz_rows', '--parallel', process.env.CKL_JOBS ?? '2'],
  ]) {
    const { status, stdout, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
    if (status === 0) continue;
    console.error(`${stdout ?? ''}${stderr ?? ''}\nrows: cmake could not build it`);
    process.exit(2);
  }
  return [join(build, 'test/cpp/ckl_fuzz_rows'), []];
}

let failed = 0;
for (const name of names) {
  const trail = join(out, `${name}.trail`);
  const [program, args] = commandOf(name);
  const { status, signal } = spawnSync(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: out,
    env: { ...process.env, CKL_FUZZ_TRAIL: trail, LD_PRELOAD: process.env.CKL_FUZZ_PRELOAD ?? '' },
  });
  if (status === 0) continue;
  failed++;
  if (status === 1) continue; // it has said so itself
  const [seed, number] = readFileSync(trail, 'utf8').trim().split(' ');
  console.error(`${name}: ended by ${signal ?? `code ${status}`} in case ${number} of seed ${seed}`);
  console.error(
    `Again: CKL_FUZZ_SEED=${seed} CKL_FUZZ_FROM=${number} CKL_FUZZ_CASES=1 npm run test:fuzz -- ${name}`,
  );
  console.error(
    `If that passes, it takes the cases before it: CKL_FUZZ_FROM=0 CKL_FUZZ_CASES=${Number(number) + 1}`,
  );
}
process.exit(failed === 0 ? 0 : 1);
