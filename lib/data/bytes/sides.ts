// The documents of one query, each with a side and a number, from pairs in any order.
import { grown } from './grow.js';
import { HeldId } from './held-id.js';
import { ByteIds, decodeId } from './ids.js';

/** The side of a document that no pair has entered. */
const NONE = 2;

export class Sides {
  private readonly query = new HeldId();
  /** Its documents' ids, by code. */
  readonly documents = new ByteIds();
  private entered = 0;
  /** By place, the documents that have a side, in the order in which they were entered. */
  private order = new Uint32Array(1024);
  /** By document. */
  private sideOf = new Uint8Array(1024);
  private numberOf = new Float64Array(1024);

  /** The number of documents with a side. */
  get count(): number {
    return this.entered;
  }

  get queryBytes(): Uint8Array {
    return this.query.bytes;
  }

  get qid(): string {
    return decodeId(this.queryBytes);
  }

  isQuery(bytes: Uint8Array, start: number, end: number): boolean {
    return this.query.is(bytes, start, end);
  }

  /** Removes all documents and starts another query. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.query.hold(bytes, start, end);
    this.documents.clear();
    this.entered = 0;
  }

  /** The code of a document, which may have no side yet. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const { count } = this.documents;
    const document = this.documents.intern(bytes, start, end);
    if (document < count) return document;
    if (document >= this.sideOf.length) {
      this.order = grown(this.order, document + 1);
      this.sideOf = grown(this.sideOf, document + 1);
      this.numberOf = grown(this.numberOf, document + 1);
    }
    this.sideOf[document] = NONE;
    return document;
  }

  /** Whether a pair has entered the document. */
  has(document: number): boolean {
    return this.sideOf[document] !== NONE;
  }

  /** Enters a document that has no side. */
  add(document: number, side: 0 | 1, number: number): void {
    this.order[this.entered++] = document;
    this.sideOf[document] = side;
    this.numberOf[document] = number;
  }

  /** The document that was entered at a place from 0 on. */
  at(place: number): number {
    return this.order[place];
  }

  side(document: number): 0 | 1 {
    return this.sideOf[document] as 0 | 1;
  }

  number(document: number): number {
    return this.numberOf[document];
  }

  setNumber(document: number, number: number): void {
    this.numberOf[document] = number;
  }
}
