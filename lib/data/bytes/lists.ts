// Reads lists as bytes, one in memory at a time: receivers copy what they keep, or get them as strings.
import { Records, type ReadOptions } from '../records.js';
import type { BadLine, DataError } from '../errors.js';
import { LONGEST_LINE, type Bytes, type Line } from '../lines.js';
import type { ScoredList } from '../forms/scored.js';
import type { ByteList } from './byte-list.js';
import { readInBlocks, type LineReader } from './regions.js';

/** The lists of a file, to be read once; `skipped` and `errors` count the bad lines. */
export interface ByteLists {
  readonly skipped: number;
  readonly errors: readonly DataError[];
  /** Passes each list to `take`, always in the same object; waits after each block of the file. */
  read(take: (list: ByteList) => void): AsyncGenerator<void>;
}

/** Reads the lines of a form, and passes on each list once it is complete. */
export interface ListReader extends LineReader {
  /** Called after the last line. If many lists remain, the reader waits after each. @throws DataError */
  end(): void | Iterable<void>;
}

/** @param refuse throws for a bad line, or counts it */
export type MakeReader = (
  take: (list: ByteList) => void,
  refuse: (problem: BadLine, line: number) => void,
  maxLineBytes: number,
  path: string,
) => ListReader | Promise<ListReader>;

export function byteLists(make: MakeReader, file: Bytes, options: ReadOptions): ByteLists {
  // It only counts what is left out, and reads nothing.
  const counts = new Records<never>(file.path, () => undefined, options, noLines());
  const maxLineBytes = options.maxLineBytes ?? LONGEST_LINE;
  return {
    get skipped() {
      return counts.skipped;
    },
    get errors() {
      return counts.errors;
    },
    async *read(take) {
      const refuse = (problem: BadLine, line: number): void => {
        counts.lines = line;
        counts.refuse(problem);
      };
      const reader = await make(take, refuse, maxLineBytes, file.path);
      yield* readInBlocks(file, reader, maxLineBytes);
      yield* reader.end() ?? [];
    },
  };
}

/** The same lists with strings. Lists that are complete before an unreadable line come before the error. */
export async function* scoredLists(lists: ByteLists): AsyncGenerator<ScoredList> {
  let ready: ScoredList[] = [];
  const blocks = lists.read((list) => void ready.push(list.scored()));
  try {
    for (let done: boolean | undefined = false; !done;) {
      let failure: { error: unknown } | undefined;
      try {
        done = (await blocks.next()).done;
      } catch (error) {
        failure = { error };
      }
      const complete = ready;
      ready = [];
      yield* complete;
      if (failure) throw failure.error;
    }
  } finally {
    await blocks.return(undefined);
  }
}

async function* noLines(): AsyncGenerator<Line[]> {}
