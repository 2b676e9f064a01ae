// One query's documents with a teacher's scores, ids as bytes: what is converted line by line, without a text for each id.
import type { ScoredList } from '../forms/scored.js';
import { grown } from './grow.js';
import { HeldId } from './held-id.js';
import { ByteIds, decodeId } from './ids.js';

/** Of each byte: whether it is a digit, and whether every form of text writes it as it is. */
const [PLAIN, DIGIT] = [1, 2];
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return PLAIN | DIGIT;
  return byte > 0x20 && byte < 0x7f && !'",\\'.includes(String.fromCharCode(byte)) ? PLAIN : 0;
});
/** Whole numbers of so many digits are the same again as numbers of JSON. */
const MOST_DIGITS = 15;

const kindOf = (bytes: Uint8Array, start: number, end: number): number => {
  let kind = PLAIN | DIGIT;
  for (let i = start; i < end; i++) kind &= KINDS[bytes[i]];
  const number = end - start <= MOST_DIGITS && (bytes[start] !== 0x30 || end - start === 1);
  return number ? kind : kind & PLAIN;
};

/** A list that is filled again and again: whoever is given it copies what it keeps. */
export class ByteList {
  /** Its documents: the code of an id is its place in the list. */
  readonly documents = new ByteIds();
  /** By place; longer than the list. */
  scores = new Float64Array(1024);
  /** 1 and 0 by place, longer than the list, where the documents of a form have sides. */
  labels: Uint8Array<ArrayBuffer> | undefined;
  private readonly query = new HeldId();
  private queryKind = 0;
  private documentKind = 0;

  /** How many documents it has. */
  get count(): number {
    return this.documents.count;
  }

  /** Whether every form of text writes the bytes of its ids as they are. */
  get plain(): boolean {
    return (this.queryKind & this.documentKind & PLAIN) !== 0;
  }

  /** Whether the query's id, or all ids of its documents, can be numbers in JSON and the same again as texts. */
  isNumeric(column: 'query' | 'documents'): boolean {
    return ((column === 'query' ? this.queryKind : this.documentKind) & DIGIT) !== 0;
  }

  /** Empties it for another query. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.documents.clear();
    this.query.hold(bytes, start, end);
    this.queryKind = kindOf(bytes, start, end);
    this.documentKind = PLAIN | DIGIT;
  }

  isQuery(bytes: Uint8Array, start: number, end: number): boolean {
    return this.query.is(bytes, start, end);
  }

  /**
   * @param hash of the document, where it is known
   * @returns its place, which is the old `count` for a new one; of another the score stays
   */
  add(bytes: Uint8Array, start: number, end: number, score: number, hash?: number): number {
    const { count } = this.documents;
    const place = this.documents.intern(bytes, start, end, hash);
    if (place < count) return place;
    this.documentKind &= kindOf(bytes, start, end);
    this.scores = grown(this.scores, count + 1);
    this.scores[count] = score;
    return place;
  }

  /** Adds a new document, an id of a table, with its side, where the form has sides. */
  addTo(side: 0 | 1, ids: ByteIds, code: number, score: number): void {
    const place = this.add(ids.all, ids.startOf(code), ids.endOf(code), score, ids.hashAt(code));
    this.labels = grown(this.labels!, place + 1);
    this.labels[place] = side;
  }

  get queryBytes(): Uint8Array {
    return this.query.bytes;
  }

  get qid(): string {
    return decodeId(this.queryBytes);
  }

  /** A copy of its own, in texts. */
  scored(): ScoredList {
    const { documents, scores, labels } = this;
    const docs = Array.from({ length: this.count }, (_, i) => ({
      docid: documents.text(i),
      score: scores[i],
      ...(labels && { label: labels[i] as 0 | 1 }),
    }));
    return { qid: this.qid, docs };
  }
}
