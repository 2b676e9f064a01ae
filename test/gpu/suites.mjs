// What of the JavaScript suites runs on backend cuda, and which of their tests are about the CPU alone.

/** Of test/js. Not here: those of types, of the package, and of the choice of backends and instruction sets. */
export const api = [
  ...[
    'loss/golden',
    'loss/edges',
    'loss/edges-counting',
    'loss/edges-parameters',
    'loss/properties',
    'loss/theorems',
    'loss/small-batches',
    'loss/dtypes',
  ],
  ...[
    'ranks/ranks',
    'ranks/rank-tracker',
    'loss/table',
    'loss/mutations',
    'loss/errors',
    'loss/prepare',
    'loss/async',
    'native/workers',
    'loss/memory',
    'loss/auto',
  ],
];
/** Enough of them to know that the command works, where kernels are emulated. `npm run test:emulator` runs more. */
export const apiEmulated = ['loss/table', 'loss/edges-parameters'];

/** Names of tests that ask for instruction sets or threads, or for what holds on the CPU only. */
const cpuAlone = [
  // Two-byte scores may round otherwise than the same numbers in float32: docs/guide/gpu.md.
  'float16 \\w+, \\d+ queries of \\d+',
  'bfloat16 \\w+, \\d+ queries of \\d+',
  'mixes with float32',
  'tells what it runs on',
  // What has been enqueued on a GPU is not stopped in the middle: the promise rejects when it is done.
  'during the work: rejects promptly',
];

/** For vitest -t: every test but those. */
export const notCpuAlone = `^(?!.*(${cpuAlone.join('|')}))`;
