// Turns the lines of a run into lists, one query in memory: its lines must be consecutive.
import { BadLine, excerpt } from '../errors.js';
import type { ByteList } from './byte-list.js';
import { grown } from './grow.js';
import { ByteIds } from './ids.js';
import type { RunLines } from './run-lines.js';

export class RunLists implements RunLines {
  /** Of all lines, also of those that are refused. */
  private readonly queries = new ByteIds();
  /** 1 by query, once a line of it was kept. */
  private begun = new Uint8Array(1024);
  /** The query of the list, -1 before the first. */
  private listed = -1;
  /** The query that is being read. */
  private query = -1;
  private why: (qid: string, docid: string) => BadLine = queryAgain;

  constructor(
    private readonly list: ByteList,
    private readonly take: (list: ByteList) => void,
  ) {}

  begin(bytes: Uint8Array, start: number, end: number): number {
    this.query = this.queries.intern(bytes, start, end);
    this.begun = grown(this.begun, this.queries.count);
    return this.query;
  }

  add(bytes: Uint8Array, start: number, end: number, hash: number | undefined, score: number): boolean {
    const { list, query } = this;
    if (!Number.isFinite(score)) return this.no(() => new BadLine('a finite number as score', String(score)));
    if (query !== this.listed) {
      if (this.begun[query] === 1) return this.no(queryAgain);
      this.flush();
      this.listed = query;
      this.begun[query] = 1;
      const id = this.queries.bytesOf(query);
      list.begin(id, 0, id.length);
    }
    const { count } = list;
    return (
      list.add(bytes, start, end, score, hash) === count ||
      this.no((_, docid) => new BadLine('each document once for a query', `${excerpt(docid)} twice`))
    );
  }

  refusal(qid: string, docid: string): BadLine {
    return this.why(qid, docid);
  }

  private no(why: (qid: string, docid: string) => BadLine): false {
    this.why = why;
    return false;
  }

  private flush(): void {
    if (this.listed >= 0) this.take(this.list);
  }

  end(): void {
    this.flush();
  }
}

/** The error for a line, or a list, of a query that appeared before other queries. */
export const queryAgain = (qid: string): BadLine =>
  new BadLine('the lines of a query together (sort the file)', `query ${excerpt(qid)} again`);
