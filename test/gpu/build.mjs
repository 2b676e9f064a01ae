// Compiles what runs on a GPU, the addon and the C++ suites, from the sources as they are: for the GPU that is here, into build/gpu.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const out = join(root, 'build/gpu');

/** As CKL_LOSS_PREBUILD has it: a folder with build/Release/ckl_loss.node. */
export const addonFolder = (emulated) => join(root, emulated ? 'build/emulate/addon' : 'build/gpu/addon');
export const testsProgram = (emulated) =>
  join(root, emulated ? 'build/tests/test/cpp' : 'build/gpu', 'ckl_gpu_tests');
export const hasAddon = (emulated) => existsSync(join(addonFolder(emulated), 'build/Release/ckl_loss.node'));

const has = (command, ...args) => spawnSync(command, args).status === 0;
export const nvcc = () =>
  [process.env.CUDACXX, 'nvcc', '/usr/local/cuda/bin/nvcc'].find((file) => file && has(file, '--version'));

/** Runs commands, their output in a log. Returns '' or the end of the log. */
function logged(name, commands) {
  mkdirSync(out, { recursive: true });
  const log = join(out, `${name}.log`);
  const file = openSync(log, 'w');
  try {
    for (const [command, ...args] of commands) {
      const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', file, file] });
      if (status !== 0)
        return readFileSync(log, 'utf8').split('\n').slice(-40).join('\n') || `${command} cannot be run`;
    }
    return '';
  } finally {
    closeSync(file);
  }
}

const jobs = process.env.CKL_JOBS || String(availableParallelism());

/** dist/, which child processes load. */
export const buildScripts = () => logged('prepare', [['npm', 'run', 'prepare']]);

/** @returns what went wrong, or '' */
export function buildForGpu(architectures = '') {
  const folder = join(out, 'cmake');
  return logged('build', [
    [
      ...[
        'cmake',
        '-S',
        '.',
        '-B',
        folder,
        '-DCKL_CUDA=AUTO',
        '-DCKL_TESTS=ON',
        '-DCMAKE_CUDA_FLAGS=-lineinfo',
      ],
      ...[`-DCMAKE_CUDA_COMPILER=${nvcc()}`, `-DCKL_CUDA_ARCHITECTURES=${architectures}`],
      `-DCMAKE_JS_INC=${require('node-api-headers').include_dir}`,
      `-DCKL_NAPI_DIR=${dirname(require.resolve('node-addon-api'))}`,
      `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(addonFolder(false), 'build/Release')}`,
      `-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=${out}`,
    ],
    ['cmake', '--build', folder, '--target', 'ckl_loss', 'ckl_gpu_tests', '--parallel', jobs],
  ]);
}

/** The same against the emulator, in the folders of `npm run test:emulator` and `npm run test:cpp`. */
export function buildForEmulator() {
  const folder = join(root, 'build/tests');
  return logged('build-emulated', [
    ...(hasAddon(true) ? [] : [['bash', 'test/emulator/run.sh', '--build']]),
    ['cmake', '-S', '.', '-B', folder, '-DCKL_CUDA=OFF', '-DCKL_TESTS=ON'],
    ['cmake', '--build', folder, '--target', 'ckl_gpu_tests', '--parallel', jobs],
  ]);
}
