// One entry of `{query: {document: score}}`, parsed by hand because JSON.parse would reorder the documents
// and hide repeated ones.
import { BadLine, excerpt } from '../errors.js';
import { parseJson } from '../values.js';
import type { ScoredList } from './scored.js';

const SPACE = /\s*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const SHOWN = 40;

class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.exec(this.text);
    this.at = SPACE.lastIndex;
  }

  /** Consumes a character if it comes next. */
  takes(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  need(character: string, where: string): void {
    if (!this.takes(character)) this.fail(`${character} ${where}`);
  }

  /** A string, which is an id. */
  id(what: string): string {
    this.skipSpace();
    if (this.text[this.at] !== '"') this.fail(`${what} as text`);
    const start = this.at;
    let end = start;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) this.fail(`${what} as text`);
    } while (this.isEscaped(end));
    this.at = end + 1;
    const inside = this.text.slice(start + 1, end);
    const id = /[\\\p{Cc}]/u.test(inside) ? (parseJson(this.text.slice(start, end + 1)) as string) : inside;
    if (id === '') throw new BadLine(`${what} that is not empty`, '""');
    return id;
  }

  private isEscaped(quote: number): boolean {
    let backslashes = 0;
    while (this.text[quote - 1 - backslashes] === '\\') backslashes++;
    return backslashes % 2 === 1;
  }

  number(what: string): number {
    this.skipSpace();
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text)?.[0];
    const value = Number(found);
    if (found === undefined || !Number.isFinite(value)) return this.fail(`a finite number as ${what}`);
    this.at += found.length;
    return value;
  }

  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.fail('the end of the entry');
  }

  private fail(expected: string): never {
    const found = this.text.slice(this.at, this.at + SHOWN);
    throw new BadLine(expected, found === '' ? 'the end' : excerpt(found));
  }
}

/**
 * `{"query": {"document": score, …}}`, with one query.
 *
 * @throws BadLine also for a repeated document
 */
export function parseScoreObject(text: string): ScoredList {
  const scanner = new Scanner(text);
  scanner.need('{', 'before a query');
  const qid = scanner.id('the id of a query');
  const inQuery = `of query ${excerpt(qid)}`;
  scanner.need(':', 'after a query');
  scanner.need('{', `before the documents ${inQuery}`);
  const scores = new Map<string, number>();
  if (!scanner.takes('}')) {
    do {
      const docid = scanner.id(`the id of a document ${inQuery}`);
      scanner.need(':', `after a document ${inQuery}`);
      const score = scanner.number(`the score of document ${excerpt(docid)} ${inQuery}`);
      if (scores.has(docid))
        throw new BadLine(`each document once for query ${excerpt(qid)}`, `${excerpt(docid)} twice`);
      scores.set(docid, score);
    } while (scanner.takes(','));
    scanner.need('}', `after the documents ${inQuery}`);
  }
  scanner.need('}', `after the documents ${inQuery}`);
  scanner.end();
  if (scores.size === 0) throw new BadLine(`documents ${inQuery}`, 'none');
  return { qid, docs: [...scores].map(([docid, score]) => ({ docid, score })) };
}
