// The errors a caller can meet: every code, and the classes that carry them. docs/errors.md explains each code.

/** Every `code` that an error of this package's root can carry, with its meaning in a line. */
export const errorCodes = {
  ERR_CKL_TYPE: 'an argument is not the kind of value or typed array that is needed',
  ERR_CKL_SHAPE: 'a shape, a row stride or the length of an array does not fit the batch',
  ERR_CKL_OFFSETS: 'the offsets of a ragged batch do not delimit lists within the scores',
  ERR_CKL_CANDIDATE: 'a candidate is not a row of the documents',
  ERR_CKL_TERM: 'a term is not in the vocabulary, or terms of a vector do not ascend',
  ERR_CKL_LABEL: 'a label is not 1, 0 or 255',
  ERR_CKL_RANK: 'a rank is below 1, or NaN',
  ERR_CKL_BETA: 'a given beta leaves gamma - beta below 1, or is NaN',
  ERR_CKL_RELEVANCE: 'a relevance is NaN or infinite',
  ERR_CKL_WEIGHT: 'a query weight is negative, NaN or infinite',
  ERR_CKL_BUFFER: 'the memory of an array is detached, resizable or shared',
  ERR_CKL_OVERLAP: 'an output shares memory with another array',
  ERR_CKL_OPTION: 'an option is unknown, does not belong to the loss, or has a value that is not allowed',
  ERR_CKL_BACKEND: 'a backend or an instruction set was asked for that this machine or build does not have',
  ERR_CKL_DISPOSED: 'something was used after dispose(), or a result after a later run had overwritten it',
  ERR_CKL_DEVICE: 'memory is not on the GPU where it has to be, or a stream belongs to another GPU',
  ERR_CKL_TRACKER: 'a rank tracker has no ranks for a query, or was given a saved state that it cannot read',
  ERR_CKL_MEMORY: 'could not allocate scratch memory',
  ERR_CKL_CUDA: 'a CUDA call failed',
  ERR_CKL_GROUP:
    'MPI or another library of a group is not available, or the ranks of a group do not work together',
  ERR_CKL_ADDON: 'no native addon could be loaded',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An argument of the wrong kind. `code` says which rule was broken. */
export class CklTypeError extends TypeError {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** An argument of the right kind with a value that is not allowed. `code` says which rule was broken. */
export class CklRangeError extends RangeError {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A CUDA call failed. `cudaName` is CUDA's own name of the error, such as `cudaErrorMemoryAllocation`. */
export class CudaError extends Error {
  readonly code: ErrorCode = 'ERR_CKL_CUDA';

  constructor(
    readonly cudaName: string,
    message: string,
  ) {
    super(`${cudaName}: ${message}`);
  }

  override get name(): string {
    return 'CudaError';
  }
}

const WAYS_OUT = [
  'Ways out:',
  '  1. Install the package on this machine: npm install ckl-loss --force',
  '     (a node_modules folder copied from another platform has the binary of that platform)',
  '  2. Compile it: npm rebuild ckl-loss --foreground-scripts (needs CMake 3.18 or newer and a C++17 compiler)',
  '     npm 12 and newer run no install script before it is approved: npm install-scripts approve ckl-loss, then npm rebuild',
  '  3. `npx ckl-loss doctor` shows what this machine has, for a bug report',
];

const LEAVE_EXTERNAL = [
  'This code is in a bundle, away from the package, whose addon is a file of its own. Mark the package as external, and install it where',
  'the bundle runs:',
  '  esbuild            --external:ckl-loss',
  '  Rollup, Rolldown   external: [/^ckl-loss/]',
  "  Vite               ssr: { external: ['ckl-loss'] }",
  "  webpack            externals: { 'ckl-loss': 'commonjs ckl-loss' }",
  "  Next.js            serverExternalPackages: ['ckl-loss']",
];

/** No native addon could be loaded. The message lists what was tried and the ways out. */
export class AddonError extends Error {
  readonly code: ErrorCode = 'ERR_CKL_ADDON';

  /**
   * @param tried the files, most important first
   * @param bundled whether a bundler has moved the package's code away from its files
   */
  constructor(
    readonly tried: readonly { file: string; reason: string }[],
    bundled = false,
  ) {
    super(
      [
        `ckl-loss has no native addon that loads on ${process.platform}-${process.arch}, Node ${process.version}.${tried.length > 0 ? ' Tried:' : ''}`,
        ...tried.map(({ file, reason }) => `  ${file}: ${reason}`),
        ...(bundled ? LEAVE_EXTERNAL : WAYS_OUT),
      ].join('\n'),
    );
  }

  override get name(): string {
    return 'AddonError';
  }
}
