// Standard output and standard error as the commands write them: lost output is reported, and a closed pipe does not crash the program.
import { fstatSync } from 'node:fs';
import { writeFully } from '../../data/whole-file.js';
import type { Output } from './progress.js';

/** The exit code of a program whose reader has closed the pipe, by the shell's convention 128 + SIGPIPE. */
export const READER_GONE = 141;

/** Whether an error means that the reader of a pipe has closed it. */
export function isClosedPipe(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as NodeJS.ErrnoException;
  return (
    code === 'EPIPE' ||
    code === 'ECONNRESET' ||
    code === 'ERR_STREAM_DESTROYED' ||
    (cause !== undefined && isClosedPipe(cause))
  );
}

class StandardStream implements Output {
  /** Why the first write that failed did; later ones are dropped. */
  failure?: unknown;
  /** Whether the work continues without a reader, because it also writes files. */
  outlived = false;
  private readonly isFile: boolean;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly descriptor: number,
    private readonly onFailure: (error: unknown) => void,
  ) {
    this.isFile = kindOf(descriptor)?.isFile() ?? false;
    stream.on('error', (error) => this.fail(error));
  }

  get isTTY(): boolean {
    return this.stream.isTTY;
  }

  get columns(): number {
    return this.stream.columns;
  }

  write(text: string): void {
    if (this.failure !== undefined) return;
    if (!this.isFile) {
      this.stream.write(text);
      return;
    }
    try {
      writeFully(this.descriptor, text);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Waits until everything written has been flushed or has failed. */
  async flush(): Promise<void> {
    if (this.failure === undefined && !this.isFile)
      await new Promise<void>((resolve) => this.stream.write('', () => setImmediate(resolve)));
  }

  private fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.onFailure(error);
  }
}

const kindOf = (descriptor: number) => {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
};

/** Whether both are the same pipe, as after 2>&1. */
function shared(): boolean {
  const [out, err] = [kindOf(1), kindOf(2)];
  return out !== undefined && err !== undefined && out.ino === err.ino && out.dev === err.dev;
}

/** Results. If they cannot be written and no file was requested, the work ends at once. */
export const standardOutput: StandardStream = new StandardStream(process.stdout, 1, (error) => {
  if (standardOutput.outlived) return;
  if (!isClosedPipe(error)) process.stderr.write(`ckl-loss: ${lostOutput(error)}\n`);
  process.exit(isClosedPipe(error) ? READER_GONE : 1);
});

/** Progress and warnings: a closed pipe does not matter, unless the results go to the same pipe. */
export const standardError: StandardStream = new StandardStream(process.stderr, 2, (error) => {
  if (isClosedPipe(error) && !standardOutput.outlived && shared()) process.exit(READER_GONE);
});

export const lostOutput = (error: unknown): string =>
  `standard output cannot be written: ${error instanceof Error ? error.message : String(error)}`;
