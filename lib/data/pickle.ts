// Reads a pickle of scores, {query: {document: score}}, as a stream: protocols 2 to 5, and only the
// operations that such a file contains. Nothing in a pickle is ever executed: the few names that NumPy's
// numbers and OrderedDict need map to code of this library, and all others are rejected.
import { BadLine, excerpt } from './errors.js';
import { SCALARS, type Scalar } from './numpy-scalars.js';
import {
  Dict,
  Dtype,
  DTYPE,
  ENCODE,
  kindOf,
  Name,
  NAMES,
  ORDERED,
  SCALAR,
  wholeNumber,
} from './pickle-values.js';

/** Why a file cannot be read further, and where: the number of bytes before. */
export class BadPickle extends BadLine {}

/** A query and its documents, in the order of the file. */
export interface PickledEntry {
  key: unknown;
  docs: unknown[];
  scores: unknown[];
}

/** Longer than any id: a file with text of this length does not contain scores. */
const LONGEST_TEXT = 1 << 20;

/** The stack machine that executes a pickle, limited to the operations of a file of scores. */
export class Unpickler {
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo: unknown[] = [];
  /** Memo numbers after a gap, as in a pickle whose unused ones were removed. */
  private readonly sparse = new Map<number, unknown>();
  private rest: Buffer = Buffer.alloc(0);
  private at = 0;
  private before = 0;
  private ready: PickledEntry[] = [];
  private ended = false;

  /** Reads the next chunk, and passes on the queries that are complete. */
  push(chunk: Buffer): PickledEntry[] {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    this.at = 0;
    for (let start = 0; start < this.rest.length; start = this.at) {
      if (this.ended) this.fail('the end of the file after a pickle', 'more');
      if (!this.step()) {
        this.at = start;
        break;
      }
    }
    this.before += this.at;
    this.rest = this.rest.subarray(this.at);
    this.at = 0;
    const ready = this.ready;
    this.ready = [];
    return ready;
  }

  /** @throws BadPickle unless the pickle is complete */
  end(): void {
    if (!this.ended) this.fail('a whole pickle', 'a file that ends within it');
  }

  private fail(expected: string, found: string): never {
    throw new BadPickle(expected, `${found} at byte ${this.before + this.at}`);
  }

  /**
   * The position of an operation's argument, with the operation consumed; undefined if it is not there yet.
   */
  private take(bytes: number): number | undefined {
    const start = this.at;
    if (start + bytes > this.rest.length) return undefined;
    this.at = start + bytes;
    return start;
  }

  /** One operation. False if the chunk ends within it. */
  private step(): boolean {
    const { rest } = this;
    const code = rest[this.at++];
    let at: number | undefined;
    switch (code) {
      case 0x47: // BINFLOAT
        if ((at = this.take(8)) === undefined) return false;
        this.stack.push(rest.readDoubleBE(at));
        return true;
      case 0x4a: // BININT
        if ((at = this.take(4)) === undefined) return false;
        this.stack.push(rest.readInt32LE(at));
        return true;
      case 0x4b: // BININT1
        if ((at = this.take(1)) === undefined) return false;
        this.stack.push(rest[at]);
        return true;
      case 0x4d: // BININT2
        if ((at = this.take(2)) === undefined) return false;
        this.stack.push(rest.readUInt16LE(at));
        return true;
      case 0x8a: // LONG1
        return this.withText(1, (start, end) => this.stack.push(wholeNumber(rest.subarray(start, end))));
      case 0x8b: // LONG4
        return this.withText(4, (start, end) => this.stack.push(wholeNumber(rest.subarray(start, end))));
      case 0x8c: // SHORT_BINUNICODE
        return this.withText(1, (start, end) => this.stack.push(rest.toString('utf8', start, end)));
      case 0x58: // BINUNICODE
        return this.withText(4, (start, end) => this.stack.push(rest.toString('utf8', start, end)));
      case 0x8d: // BINUNICODE8
        return this.withText(8, (start, end) => this.stack.push(rest.toString('utf8', start, end)));
      case 0x43: // SHORT_BINBYTES
        return this.withText(1, (start, end) => this.stack.push(Uint8Array.from(rest.subarray(start, end))));
      case 0x42: // BINBYTES
        return this.withText(4, (start, end) => this.stack.push(Uint8Array.from(rest.subarray(start, end))));
      case 0x55: // SHORT_BINSTRING, Python 2's str
        return this.withText(1, (start, end) => this.stack.push(rest.toString('utf8', start, end)));
      case 0x4e: // NONE
        this.stack.push(null);
        return true;
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        this.stack.push(code === 0x88);
        return true;
      case 0x28: // MARK
        this.marks.push(this.stack.length);
        return true;
      case 0x7d: // EMPTY_DICT
        this.pushDict();
        return true;
      case 0x73: // SETITEM
        this.setItems(this.stack.length - 2);
        return true;
      case 0x75: // SETITEMS
        this.setItems(this.popMark());
        return true;
      case 0x29: // EMPTY_TUPLE
        this.stack.push([]);
        return true;
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        this.pushTuple(this.stack.length - (code - 0x84));
        return true;
      case 0x74: // TUPLE
        this.pushTuple(this.popMark());
        return true;
      case 0x71: // BINPUT
        if ((at = this.take(1)) === undefined) return false;
        this.put(rest[at]);
        return true;
      case 0x72: // LONG_BINPUT
        if ((at = this.take(4)) === undefined) return false;
        this.put(rest.readUInt32LE(at));
        return true;
      case 0x94: // MEMOIZE
        this.put(this.memo.length);
        return true;
      case 0x68: // BINGET
        if ((at = this.take(1)) === undefined) return false;
        this.get(rest[at]);
        return true;
      case 0x6a: // LONG_BINGET
        if ((at = this.take(4)) === undefined) return false;
        this.get(rest.readUInt32LE(at));
        return true;
      case 0x63: // GLOBAL
        return this.global();
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.pop(2);
        this.name(`${String(module)}.${String(name)}`);
        return true;
      }
      case 0x52: // REDUCE
        this.reduce();
        return true;
      case 0x62: // BUILD
        this.build();
        return true;
      case 0x80: // PROTO
        if ((at = this.take(1)) === undefined) return false;
        if (rest[at] < 2 || rest[at] > 5) this.fail('a pickle of protocol 2 to 5', `protocol ${rest[at]}`);
        return true;
      case 0x95: // FRAME
        return this.take(8) !== undefined;
      case 0x2e: // STOP
        this.stop();
        return true;
      default:
        return this.fail(
          'a pickle of {query: {document: score}}',
          `the operation 0x${code.toString(16).padStart(2, '0')}, which such a file does not have,`,
        );
    }
  }

  /** An argument that is preceded by its length. */
  private withText(lengthBytes: 1 | 4 | 8, use: (start: number, end: number) => void): boolean {
    const at = this.take(lengthBytes);
    if (at === undefined) return false;
    const { rest } = this;
    const length =
      lengthBytes === 1
        ? rest[at]
        : lengthBytes === 4
          ? rest.readUInt32LE(at)
          : Number(rest.readBigUInt64LE(at));
    if (length > LONGEST_TEXT) this.fail(`ids of at most ${LONGEST_TEXT} bytes`, `a text of ${length} bytes`);
    const start = this.take(length);
    if (start === undefined) return false;
    use(start, start + length);
    return true;
  }

  /** The topmost values, which must not be below a mark. */
  private pop(count: number): unknown[] {
    const from = this.stack.length - count;
    if (from < (this.marks.at(-1) ?? 0)) this.fail('a pickle in order', 'an operation without its values');
    return this.stack.splice(from);
  }

  private popMark(): number {
    return this.marks.pop() ?? this.fail('a pickle in order', 'an operation without its mark');
  }

  private pushTuple(from: number): void {
    if (from < (this.marks.at(-1) ?? 0)) this.fail('a pickle in order', 'an operation without its values');
    this.stack.push(this.stack.splice(from));
  }

  /** A dict begins. In the outermost one, everything before its key is then complete. */
  private pushDict(): void {
    if (this.marks.length === 1 && this.marks[0] === 1) this.handOut(1, this.stack.length - 1);
    this.stack.push(new Dict());
  }

  private setItems(from: number): void {
    const { stack } = this;
    const dict = stack[from - 1];
    const odd = (stack.length - from) % 2 !== 0;
    if (!(dict instanceof Dict) || odd || from <= (this.marks.at(-1) ?? 0))
      return this.fail(
        'keys and values after a dict',
        odd ? 'a key without its value' : 'no dict before them',
      );
    if (from === 1) {
      this.handOut(1, stack.length);
      return;
    }
    if (dict.spent) this.fail('a dict that is complete', 'more of it later');
    for (let i = from; i < stack.length; i += 2) {
      dict.keys.push(stack[i]);
      dict.values.push(stack[i + 1]);
    }
    stack.length = from;
  }

  /** Queries and their dicts, from one position of the stack to another. */
  private handOut(from: number, to: number): void {
    for (let i = from; i + 1 < to; i += 2) {
      const [key, dict] = [this.stack[i], this.stack[i + 1]];
      if (!(dict instanceof Dict)) return this.fail('a dict of scores for each query', kindOf(dict));
      if (dict.spent) this.fail('a dict of its own for each query', 'one that another query has');
      this.ready.push({ key, docs: dict.keys, scores: dict.values });
      [dict.keys, dict.values, dict.spent] = [[], [], true];
    }
    if (to > from) this.stack.splice(from, to - from - ((to - from) % 2));
  }

  private put(index: number): void {
    if (this.stack.length === 0) this.fail('a pickle in order', 'an operation without its values');
    const value = this.stack[this.stack.length - 1];
    if (index === this.memo.length) this.memo.push(value);
    else if (index < this.memo.length) this.memo[index] = value;
    else this.sparse.set(index, value);
  }

  private get(index: number): void {
    const value = index < this.memo.length ? this.memo[index] : this.sparse.get(index);
    if (value === undefined) this.fail('a pickle in order', 'a value that was not there before');
    this.stack.push(value);
  }

  private global(): boolean {
    const first = this.rest.indexOf(0x0a, this.at);
    const second = first < 0 ? -1 : this.rest.indexOf(0x0a, first + 1);
    if (second < 0) {
      if (this.rest.length - this.at > LONGEST_TEXT) this.fail('a name', 'one without end');
      return false;
    }
    const module = this.rest.toString('utf8', this.at, first);
    const name = this.rest.toString('utf8', first + 1, second);
    this.at = second + 1;
    this.name(`${module}.${name}`);
    return true;
  }

  private name(name: string): void {
    const known = NAMES.get(name);
    if (!known)
      this.fail(
        'a pickle of numbers and texts (nothing in a pickle is ever run)',
        `${excerpt(name)}, which its reader would have to run,`,
      );
    this.stack.push(known);
  }

  private reduce(): void {
    const [callee, given] = this.pop(2);
    const parts = Array.isArray(given) ? (given as unknown[]) : [];
    const [first, second] = parts;
    if (callee === ORDERED && parts.length === 0) this.pushDict();
    else if (callee === DTYPE && typeof first === 'string' && Object.hasOwn(SCALARS, first))
      this.stack.push(new Dtype(first));
    else if (callee === SCALAR && first instanceof Dtype && second instanceof Uint8Array)
      this.stack.push(this.scalar(first, second));
    else if (callee === ENCODE && typeof first === 'string' && second === 'latin1')
      this.stack.push(Uint8Array.from(Buffer.from(first, 'latin1')));
    else
      this.fail(
        "NumPy's numbers (float16 to float64, whole numbers) and OrderedDict",
        `${callee instanceof Name ? callee.name : kindOf(callee)} of something else`,
      );
  }

  private scalar({ kind, order }: Dtype, bytes: Uint8Array): number | bigint {
    const [size, read]: Scalar = SCALARS[kind];
    if (bytes.length !== size) this.fail(`${size} bytes in a NumPy number`, String(bytes.length));
    return read(new DataView(bytes.buffer, bytes.byteOffset, size), order !== '>');
  }

  private build(): void {
    const [dtype, state] = this.pop(2);
    const order = Array.isArray(state) ? (state as unknown[])[1] : undefined;
    if (!(dtype instanceof Dtype) || typeof order !== 'string' || !'<>|='.includes(order))
      return this.fail("the state of a NumPy number's type", kindOf(state));
    dtype.order = order;
    this.stack.push(dtype);
  }

  private stop(): void {
    if (this.stack.length !== 1 || !(this.stack[0] instanceof Dict) || this.marks.length > 0)
      this.fail('a dict {query: {document: score}}', kindOf(this.stack[0]));
    this.ended = true;
  }
}
