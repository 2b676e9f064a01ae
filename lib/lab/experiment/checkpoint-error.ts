// The error of a checkpoint that cannot be used.

/** A checkpoint that cannot be read or written, or that belongs to another run. */
export class CheckpointError extends Error {
  readonly code = 'ERR_CKL_CHECKPOINT';

  constructor(
    readonly file: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}`, options);
  }

  override get name(): string {
    return 'CheckpointError';
  }
}
