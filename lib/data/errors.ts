// The errors of ckl-loss/data: a file that cannot be read (with the line and what was expected there), or one that cannot be written.

/** A file that cannot be read as what it was taken for. */
export class DataError extends Error {
  readonly code = 'ERR_CKL_DATA';

  /**
   * @param file path of the file, or of the folder that lacks it
   * @param line number of the line, from 1; 0 when the error is about the file as a whole
   * @param expected what should have been there, e.g. "4 or 3 columns: query, (iteration,) document, level"
   * @param found what was there instead, shortened
   */
  constructor(
    readonly file: string,
    readonly line: number,
    readonly expected: string,
    readonly found: string,
    options?: ErrorOptions,
  ) {
    super(`${file}${line > 0 ? `:${line}` : ''}: expected ${expected}; found ${found}`, options);
  }

  override get name(): string {
    return 'DataError';
  }
}

/** A file that cannot be written. */
export class OutputError extends Error {
  readonly code = 'ERR_CKL_OUTPUT';

  /**
   * @param file the file as it was asked for
   * @param why the reason, e.g. "its folder is read-only"
   */
  constructor(
    readonly file: string,
    readonly why: string,
    options?: ErrorOptions,
  ) {
    super(`${JSON.stringify(file)} cannot be written: ${why}`, options);
  }

  override get name(): string {
    return 'OutputError';
  }
}

/** A piece of a line as an error shows it: quoted, at most 60 characters. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/** What a line parser throws; the reader adds file and line. */
export class BadLine extends Error {
  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}; found ${found}`);
  }
}
