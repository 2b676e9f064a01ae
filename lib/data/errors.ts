// The errors of ckl-loss/data: a file that cannot be read (with the line and what was expected there), one that cannot be written, or a package that is missing.

/** A file that cannot be read as expected. */
export class DataError extends Error {
  readonly code = 'ERR_CKL_DATA';
  /** What `line` counts: lines, or the rows of a Parquet file. */
  readonly unit: 'line' | 'row';

  /**
   * @param file path of the file, or of the folder that lacks it
   * @param line number of the line, or of the row of a Parquet file, from 1; 0 if the error is about the
   * whole file
   * @param expected what should have been there, e.g. "4 or 3 columns: query, (iteration,) document, level"
   * @param found what was there instead, shortened
   */
  constructor(
    readonly file: string,
    readonly line: number,
    readonly expected: string,
    readonly found: string,
    options?: ErrorOptions & { unit?: 'line' | 'row' },
  ) {
    const { unit = 'line' } = options ?? {};
    const place = line > 0 ? (unit === 'row' ? `, row ${line}` : `:${line}`) : '';
    super(`${file}${place}: expected ${expected}; found ${found}`, options);
    this.unit = unit;
  }

  override get name(): string {
    return 'DataError';
  }
}

/** A package needed to read or write such a file is not installed, or cannot be loaded. */
export class PackageMissingError extends Error {
  readonly code = 'ERR_CKL_PACKAGE';

  /**
   * @param packageName what to install
   * @param why what it is needed for, e.g. "to read Parquet files"
   */
  constructor(
    readonly packageName: string,
    why: string,
    cause?: unknown,
  ) {
    super(`${why}, install ${packageName}: npm install ${packageName}`, { cause });
  }

  override get name(): string {
    return 'PackageMissingError';
  }
}

/** A file that cannot be written. */
export class OutputError extends Error {
  readonly code = 'ERR_CKL_OUTPUT';

  /**
   * @param file the file as given
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

/** Thrown by line parsers; the reader adds file and line. */
export class BadLine extends Error {
  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}; found ${found}`);
  }
}
