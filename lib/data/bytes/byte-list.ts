// One query's documents with a teacher's scores and ids as bytes, for conversion without a string per id.
import type { ScoredList } from '../forms/scored.js';
import { grown } from './grow.js';
import { HeldId } from './held-id.js';
import { ByteIds, decodeId } from './ids.js';

/** For each byte: whether it is a digit, and whether every text form writes it unchanged. */
const [PLAIN, DIGIT] = [1, 2];
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return PLAIN | DIGIT;
  return byte > 0x20 && byte < 0x7f && !'",\\'.includes(String.fromCharCode(byte)) ? PLAIN : 0;
});
/** Maximum number of digits of an integer that survives a round trip through JSON. */
const MOST_DIGITS = 15;

const kindOf = (bytes: Uint8Array, start: number, end: number): number => {
  let kind = PLAIN | DIGIT;
  for (let i = start; i < end; i++) kind &= KINDS[bytes[i]];
  const number = end - start <= MOST_DIGITS && (bytes[start] !== 0x30 || end - start === 1);
  return number ? kind : kind & PLAIN;
};

/** A reusable list: receivers copy what they keep. */
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

  /** The number of its documents. */
  get count(): number {
    return this.documents.count;
  }

  /** Whether every text form writes the bytes of its ids unchanged. */
  get plain(): boolean {
    return (this.queryKind & this.documentKind & PLAIN) !== 0;
  }

  /**
   * Whether the query's id, or the ids of all its documents, can be written as JSON numbers and read back as
   * the same strings.
   */
  isNumeric(column: 'query' | 'documents'): boolean {
    return ((column === 'query' ? this.queryKind : this.documentKind) & DIGIT) !== 0;
  }

  /** Clears it for another query. */
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
   * @returns its place, which is the old `count` for a new document; an existing one keeps its score
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

  /** An independent copy, with strings. */
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
