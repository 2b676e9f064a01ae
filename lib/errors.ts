// The errors a caller can meet: every code, and the classes that carry them. docs/errors.md explains each code.

/** Every `code` that an error of this package's root can carry, with its meaning in a line. */
export const errorCodes = {
  ERR_CKL_TYPE: 'an argument is not the kind of value or typed array that is needed',
  ERR_CKL_SHAPE: 'a shape, a row stride or the length of an array does not fit the batch',
  ERR_CKL_OFFSETS: 'the offsets of a ragged batch do not delimit lists within the scores',
  ERR_CKL_LABEL: 'a label is not 1, 0 or 255',
  ERR_CKL_RANK: 'a rank is below 1, or NaN',
  ERR_CKL_BETA: 'a given beta leaves gamma - beta below 1, or is NaN',
  ERR_CKL_RELEVANCE: 'a relevance is NaN or infinite',
  ERR_CKL_WEIGHT: 'a query weight is negative, NaN or infinite',
  ERR_CKL_BUFFER: 'the memory of an array is detached, resizable or shared',
  ERR_CKL_OVERLAP: 'an output shares memory with another array',
  ERR_CKL_OPTION: 'an option is unknown, does not belong to the loss, or has a value that is not allowed',
  ERR_CKL_BACKEND: 'a backend or an instruction set was asked for that this machine or build does not have',
  ERR_CKL_DISPOSED: 'a prepared loss was used after dispose()',
  ERR_CKL_TRACKER: 'a rank tracker has no ranks for a query, or was given a saved state that it cannot read',
  ERR_CKL_MEMORY: 'no memory for the scratch space',
  ERR_CKL_CUDA: 'a CUDA call failed',
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
