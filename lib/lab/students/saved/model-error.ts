// The error of a saved student that cannot be used.

/**
 * Why a folder is not a student: a file is `missing`, its bytes are `damaged`, it has a `version` that this
 * package cannot read, or its content has a wrong `shape`.
 */
export type ModelFault = 'missing' | 'damaged' | 'version' | 'shape';

/** A saved student that cannot be loaded. */
export class ModelError extends Error {
  readonly code = 'ERR_CKL_MODEL';

  /** @param file path of the file, or of the folder that lacks it */
  constructor(
    readonly file: string,
    readonly fault: ModelFault,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}`, options);
  }

  override get name(): string {
    return 'ModelError';
  }
}
