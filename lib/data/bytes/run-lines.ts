// Two ways to keep the lines of a run until a query is complete: of one query at a time, or of all of them.
import { DataError, type BadLine } from '../errors.js';
import { grown } from './grow.js';
import { Gathered, MOST_LINES } from './gathered.js';
import { ByteIds } from './ids.js';

/** Lines of one query: code and key of each, and the line of a document's code. */
export interface Lines {
  count: number;
  /** The code of the document of each line; undefined if it is the number of the line. */
  documents?: Uint32Array;
  keys: Float64Array;
  /** Line + 1 by the code of the document; undefined if it equals the code. */
  lineOf?: Uint32Array;
}

/** Receives the lines of a query once they are complete. */
export interface CompleteLines {
  /**
   * @param queries of the run, and the code of this one among them
   * @param documents of the run, or of this query alone
   */
  take(queries: ByteIds, code: number, documents: ByteIds, lines: Lines): void;
}

/** Receives the lines of a run: `begin` if the query differs from that of the previous line, then `add`. */
export interface RunLines {
  /** @returns the code of the query */
  begin(bytes: Uint8Array, start: number, end: number): number;
  /**
   * @param hash of the document, where it is known
   * @param key what documents are ranked by, the highest first
   * @returns false for a line that is refused, with {@link refusal} where it is not that the query lists the document already; that may turn
   *   out at the end too
   */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number | undefined,
    key: number,
    line: number,
  ): boolean;
  /** Why `add` just rejected a line. */
  refusal?(qid: string, docid: string): BadLine;
  /**
   * All lines are there.
   *
   * @param tell of lines that list a document a second time for a query, in the order of the file, as far as `add` did not
   */
  end(tell: (twice: Twice) => void): void;
}

export interface Twice {
  qid: string;
  docid: string;
  line: number;
}

/** A query came back after another one. */
export class LinesApart extends Error {}

/** For consecutive lines of a query: a query is complete when another one begins. */
export class TogetherLines implements RunLines {
  private readonly queries = new ByteIds();
  /** Of the query that is being read. */
  private readonly documents = new ByteIds();
  private readonly lines = { count: 0, keys: new Float64Array(1024) };
  private query = -1;

  constructor(private readonly complete: CompleteLines) {}

  begin(bytes: Uint8Array, start: number, end: number): number {
    this.flush();
    const { count } = this.queries;
    this.query = this.queries.intern(bytes, start, end);
    if (this.query < count) throw new LinesApart();
    return this.query;
  }

  add(bytes: Uint8Array, start: number, end: number, hash: number | undefined, key: number): boolean {
    const { documents, lines } = this;
    const { count } = lines;
    if (documents.intern(bytes, start, end, hash) < count) return false;
    lines.keys = grown(lines.keys, count + 1);
    lines.keys[count] = key;
    lines.count = count + 1;
    return true;
  }

  private flush(): void {
    if (this.lines.count > 0) this.complete.take(this.queries, this.query, this.documents, this.lines);
    this.lines.count = 0;
    this.documents.clear();
  }

  end(): void {
    this.flush();
  }
}

/** For lines in any order. */
export class ApartLines implements RunLines {
  private readonly queries = new ByteIds();
  private readonly documents = new ByteIds();
  private readonly gathered: Gathered;
  private query = -1;

  /** @param single whether keys are float32 already */
  constructor(
    private readonly complete: CompleteLines,
    single: boolean,
  ) {
    this.gathered = new Gathered(single);
  }

  begin(bytes: Uint8Array, start: number, end: number): number {
    return (this.query = this.queries.intern(bytes, start, end));
  }

  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number | undefined,
    key: number,
    line: number,
  ): boolean {
    if (line > MOST_LINES)
      throw new DataError(
        '',
        0,
        `at most ${MOST_LINES} lines if those of a query are not contiguous (sort -s -k1,1 FILE makes them so, which removes the limit)`,
        'more',
      );
    this.gathered.add(this.query, this.documents.intern(bytes, start, end, hash), key, line);
    return true;
  }

  end(tell: (twice: Twice) => void): void {
    const { queries, documents, gathered, complete } = this;
    const all: Twice[] = [];
    const lineOf = new Uint32Array(documents.count);
    for (let query = 0; query < queries.count; query++) {
      const { count, documents: codes, keys, lines } = gathered.of(query);
      let kept = 0;
      for (let i = 0; i < count; i++) {
        const document = codes[i];
        if (lineOf[document] > 0) {
          all.push({ qid: queries.text(query), docid: documents.text(document), line: lines[i] });
          continue;
        }
        codes[kept] = document;
        keys[kept] = keys[i];
        lineOf[document] = ++kept;
      }
      if (kept > 0) complete.take(queries, query, documents, { count: kept, documents: codes, keys, lineOf });
      for (let i = 0; i < kept; i++) lineOf[codes[i]] = 0;
    }
    for (const twice of all.sort((a, b) => a.line - b.line)) tell(twice);
  }
}
