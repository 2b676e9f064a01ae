// A teacher's scores of many queries in typed arrays: coded documents, float32 scores, and each query's
// documents best first.
import { stat } from 'node:fs/promises';
import { DataError } from '../errors.js';
import type { ScoredList } from '../forms/scored.js';
import { FORMS } from '../forms/table.js';
import { peekForm } from '../forms/tell.js';
import { LONGEST_LINE, type Bytes } from '../lines.js';
import type { ReadOptions } from '../records.js';
import { MOST_ENTRIES, Room } from '../room.js';
import { bestFirst } from './best-first.js';
import { grown } from './grow.js';
import { ByteIds, encodeIds } from './ids.js';
import { readRegions, Refusals } from './regions.js';
import { ApartLines, LinesApart, TogetherLines, type CompleteLines, type Lines } from './run-lines.js';
import { RunReader } from './run-reader.js';

export interface TeacherScoresOptions extends ReadOptions {
  /** The queries that are kept. Default: all. */
  wanted?: { has(qid: string): boolean };
}

/** The documents of one query, best first. */
export interface TeacherScoreList {
  qid: string;
  docids: string[];
  /** A view of the table's own memory. */
  scores: Float32Array;
}

/** The first code of documents whose id is not an integer. */
const FIRST_NAMED = 2 ** 31;

/**
 * A table takes 8 bytes per score, plus about 16 bytes and the id for each query and each distinct document
 * whose id is not an integer below 2³¹. The cost of a list depends only on its length.
 */
export class TeacherScores {
  private readonly queries = new ByteIds();
  /** The ids that are not integers below 2³¹, which are their own codes. */
  private readonly named = new ByteIds();
  /** Of the list that {@link takeAll} takes. */
  private readonly own = new ByteIds();
  private begins = new Float64Array(1024);
  private documents = new Uint32Array(1 << 12);
  private values = new Float32Array(1 << 12);
  private total = 0;
  private readonly one = { codes: new Uint32Array(64), scores: new Float64Array(64) };

  /** @param path the file that errors name */
  private constructor(
    private readonly path: string,
    private readonly refusals: Refusals,
    private readonly wanted?: { has(qid: string): boolean },
  ) {}

  /**
   * Reads scores in any form that `openTeacher` recognises, one query in memory at a time if the lines or
   * lists of a query are consecutive; otherwise the file is read a second time.
   *
   * @throws DataError as its readers do, for a document with two scores for a query, and for a score that float32 cannot hold; with `skipBad`
   *   such are left out
   */
  static async load(path: string, options: TeacherScoresOptions = {}): Promise<TeacherScores> {
    const maxLineBytes = options.maxLineBytes ?? LONGEST_LINE;
    const refusals = new Refusals(path, options);
    const again = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    );
    for (const together of again ? [true, false] : [false]) {
      refusals.restart();
      const scores = new TeacherScores(path, refusals, options.wanted);
      const { form, file } = await peekForm(path, maxLineBytes);
      try {
        if (form === 'trec') await scores.readRun(file, together, maxLineBytes);
        else {
          const reading = { ...options, onSkip: (error: DataError) => refusals.leaveOut(error) };
          await scores.readLists(FORMS[form].read(file, reading), together);
        }
        return scores;
      } catch (error) {
        if (!(error instanceof LinesApart)) throw error;
      }
    }
    throw new Error('lines that stand apart were gathered');
  }

  /** The number of queries. */
  get size(): number {
    return this.queries.count;
  }

  /** The number of scores. */
  get count(): number {
    return this.total;
  }

  qid(query: number): string {
    return this.queries.text(query);
  }

  /** The number of a query, in the order of the file; -1 for none. */
  indexOf(qid: string): number {
    const { bytes, middle } = encodeIds(qid);
    return this.queries.find(bytes, 0, middle);
  }

  /**
   * @param query its number, from 0
   * @param shared the texts of ids by their codes, for many lists that are kept
   */
  list(query: number, shared?: Map<number, string>): TeacherScoreList {
    const [begin, end] = [this.begins[query], query + 1 < this.size ? this.begins[query + 1] : this.total];
    const docids: string[] = [];
    for (let i = begin; i < end; i++) {
      const code = this.documents[i];
      let text = shared?.get(code);
      if (text === undefined) {
        text = code < FIRST_NAMED ? String(code) : this.named.text(code - FIRST_NAMED);
        if (shared && shared.size < MOST_ENTRIES) shared.set(code, text);
      }
      docids.push(text);
    }
    return { qid: this.qid(query), docids, scores: this.values.subarray(begin, end) };
  }

  private async readRun(file: Bytes, together: boolean, maxLineBytes: number): Promise<void> {
    const sink: CompleteLines = { take: (...query) => this.take(...query) };
    const lines = together ? new TogetherLines(sink) : new ApartLines(sink, false);
    const reader = new RunReader(this.path, lines, this.refusals, 'trec_eval-10', maxLineBytes);
    try {
      await readRegions(file, reader, maxLineBytes);
    } catch (error) {
      // A repeated document found earlier precedes the line that cannot be read.
      if (!(error instanceof LinesApart) && !this.refusals.skipBad) reader.endLines();
      throw error;
    }
    reader.end();
  }

  private async readLists(lists: AsyncIterable<ScoredList>, together: boolean): Promise<void> {
    const waiting = new Map<string, Map<string, number>>();
    const room = new Room(this.path, 'where the lists of a query stand together, one query is held');
    const met = new ByteIds();
    for await (const { qid, docs } of lists) {
      let scores = waiting.get(qid);
      if (!scores) {
        if (together) {
          this.takeAll(waiting);
          waiting.clear();
          const { bytes, middle } = encodeIds(qid);
          const { count } = met;
          if (met.intern(bytes, 0, middle) < count) throw new LinesApart();
        }
        room.take(waiting, 'queries');
        waiting.set(qid, (scores = new Map()));
      }
      for (const { docid, score } of docs) {
        const known = scores.get(docid);
        if (known === undefined) {
          if (!together) room.take(scores, 'documents of a query');
          scores.set(docid, score);
        }
        if (known === undefined || known === score) continue;
        const pair = `one score of document ${docid} for query ${qid}`;
        this.refusals.leaveOut(new DataError(this.path, 0, pair, `${known} and ${score}`));
      }
    }
    this.takeAll(waiting);
  }

  private takeAll(lists: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    for (const [qid, scores] of lists) {
      if (this.wanted && !this.wanted.has(qid)) continue;
      let count = 0;
      for (const [docid, score] of scores) {
        if (!this.fits(score, qid, docid)) continue;
        const { bytes, middle } = encodeIds(docid);
        this.own.clear();
        this.note(count++, this.codeOf(this.own, this.own.intern(bytes, 0, middle)), score);
      }
      const { bytes, middle } = encodeIds(qid);
      this.queries.intern(bytes, 0, middle);
      this.store(count);
    }
  }

  /** All lines of a query of a run. */
  private take(
    queries: ByteIds,
    code: number,
    documents: ByteIds,
    { count: all, documents: codes, keys }: Lines,
  ): void {
    const qid = queries.text(code);
    if (this.wanted && !this.wanted.has(qid)) return;
    let count = 0;
    for (let line = 0; line < all; line++) {
      const document = codes ? codes[line] : line;
      if (Number.isFinite(Math.fround(keys[line])) || this.fits(keys[line], qid, documents.text(document)))
        this.note(count++, this.codeOf(documents, document), keys[line]);
    }
    this.queries.internFrom(queries, code);
    this.store(count);
  }

  private codeOf(documents: ByteIds, document: number): number {
    const whole = documents.wholeNumber(document);
    return whole >= 0 ? whole : FIRST_NAMED + this.named.internFrom(documents, document);
  }

  /** Whether a score stays finite as float32, in which the losses take it. */
  private fits(score: number, qid: string, docid: string): boolean {
    if (Number.isFinite(Math.fround(score))) return true;
    const wanted = `a score of query ${qid}, document ${docid} within float32`;
    this.refusals.leaveOut(new DataError(this.path, 0, wanted, `${score}`));
    return false;
  }

  private note(at: number, code: number, score: number): void {
    const { one } = this;
    one.codes = grown(one.codes, at + 1);
    one.scores = grown(one.scores, at + 1);
    one.codes[at] = code;
    one.scores[at] = score;
  }

  /** The noted documents of one query, best first; in the order of the file where scores are equal. */
  private store(count: number): void {
    const { codes, scores } = this.one;
    const begin = this.total;
    this.begins = grown(this.begins, this.size);
    this.begins[this.size - 1] = begin;
    this.documents = grown(this.documents, begin + count);
    this.values = grown(this.values, begin + count);
    const order = bestFirst(scores, count);
    for (let i = 0; i < count; i++) {
      this.documents[begin + i] = codes[order[i]];
      this.values[begin + i] = scores[order[i]];
    }
    this.total = begin + count;
  }
}
