// Arrays between guard bytes, and values that are no arrays although they look like them.
import { check } from './campaign';
import type { Random } from './random';

type View = ArrayBufferView & { length: number; [index: number]: number };
type Kind = (new (buffer: ArrayBuffer, offset: number, length: number) => View) & {
  BYTES_PER_ELEMENT: number;
};

/** Takes an array's memory away. Whatever has none already is left alone. */
export function transfer(view: ArrayBufferView): void {
  try {
    structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  } catch {
    // detached already, or shared
  }
}

const guard = 24;

/** An array somewhere in a larger buffer. */
export class Guarded {
  readonly view: View;
  private readonly all: Uint8Array;
  private readonly kind: Kind;
  private readonly start: number;
  private before: Uint8Array | null = null;
  private watched = true;

  constructor(
    random: Random,
    kind: unknown,
    readonly length: number,
  ) {
    const Kind = (this.kind = kind as Kind);
    const size = Kind.BYTES_PER_ELEMENT;
    this.start = size * (Math.ceil(guard / size) + random.below(3));
    const buffer = new ArrayBuffer(this.start + length * size + guard);
    this.all = new Uint8Array(buffer);
    for (let i = 0; i < guard; i++) {
      this.all[this.start - 1 - i] = this.all[buffer.byteLength - 1 - i] = 0xa5 ^ i;
    }
    this.view = new Kind(buffer, this.start, length);
  }

  fill(value: (i: number) => number): this {
    if (typeof this.view[0] === 'bigint') return this;
    for (let i = 0; i < this.view.length; i++) this.view[i] = value(i);
    return this;
  }

  /** Scores in one of the native types; now and then one that is no number, or infinite. */
  fillScores(random: Random, type: number): this {
    const scale = random.pick([0.1, 1, 5, 60]);
    const odd = random.chance(0.1) ? 0.05 : 0;
    const one = new Float32Array(1);
    const bits = new Uint32Array(one.buffer);
    return this.fill(() => {
      if (type === 2)
        return random.chance(odd) ? random.below(65536) : (random.below(2) << 15) | random.below(0x4c00);
      one[0] = random.chance(odd)
        ? random.pick([NaN, Infinity, -Infinity, 3e38, 1e-45])
        : random.normal(scale);
      return type === 1 ? bits[0] >>> 16 : one[0];
    });
  }

  /** The array without so many elements at its beginning and its end, whatever it claims to be; itself if that leaves none. */
  without(first: number, last: number): View {
    const Kind = this.kind;
    const length = this.length - first - last;
    if (length <= 0 || this.all.byteLength === 0) return this.view;
    return new Kind(this.all.buffer as ArrayBuffer, this.start + first * Kind.BYTES_PER_ELEMENT, length);
  }

  /** Another view of the same memory. */
  alias(random: Random, kind: unknown): ArrayBufferView | null {
    const Kind = kind as Kind;
    const { buffer } = this.view;
    if (buffer.byteLength === 0) return null;
    const size = Kind.BYTES_PER_ELEMENT;
    const from = random.below(Math.floor(buffer.byteLength / size)) * size;
    this.watched = false; // anything of it may be written now
    return new Kind(buffer as ArrayBuffer, from, Math.floor((buffer.byteLength - from) / size));
  }

  /** Remembers what it holds. */
  seal(): void {
    this.before = this.watched && this.all.byteLength > 0 ? this.all.slice() : null;
  }

  /** That nothing around it has changed since, and if it is no output, nothing in it. */
  verify(written: boolean): void {
    const { before, all } = this;
    if (before === null || all.byteLength === 0) return;
    const end = all.byteLength - guard;
    const same = (from: number, to: number) =>
      Buffer.compare(before.subarray(from, to), all.subarray(from, to)) === 0;
    check(
      same(0, this.start) && same(end, all.byteLength),
      `guard bytes of a ${this.view.constructor.name} changed`,
    );
    if (!written) check(same(this.start, end), `a ${this.view.constructor.name} changed`);
  }
}

/** Values that no argument may be. */
export function hostile(random: Random): unknown {
  const choices: (() => unknown)[] = [
    () => undefined,
    () => null,
    () => NaN,
    () => -1,
    () => 1.5,
    () => 2 ** 53,
    () => 10n,
    () => 'text',
    () => Symbol('symbol'),
    () => true,
    () => ({}),
    () => [],
    () => [1, 2, 3],
    () => Object.create(null) as unknown,
    () => () => 0,
    () => new Date(0),
    () => new Map(),
    () => new Proxy({}, {}),
    () => new Proxy(new Float32Array(8), {}),
    () => new Proxy([], { get: () => 1 }),
    () => Object.create(Float32Array.prototype) as unknown,
    () => Object.setPrototypeOf(new Uint8Array(4), Float32Array.prototype) as unknown,
    () => ({ length: 8, buffer: new ArrayBuffer(64), byteOffset: 0, BYTES_PER_ELEMENT: 4 }),
    () => new DataView(new ArrayBuffer(16)),
    () => new ArrayBuffer(64),
    () => new Float32Array(new SharedArrayBuffer(64)),
    () => new Float64Array(8),
    () => new BigInt64Array(8),
    () => new Float32Array(0),
    () => lying(new Float32Array(4), random.pick(['length', 'byteLength', 'byteOffset', 'buffer']), random),
    () => detached(new Float32Array(8)),
    () => Reflect.construct(Float32Array, [resizable(64)]) as unknown,
  ];
  return random.pick(choices)();
}

function resizable(bytes: number): ArrayBuffer {
  return Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: 4 * bytes }]) as ArrayBuffer;
}

function detached<T extends ArrayBufferView>(array: T): T {
  transfer(array);
  return array;
}

/** An array with a property of its own that says something else than its memory does. */
export function lying<T extends ArrayBufferView>(array: T, name: string, random: Random): T {
  const value = name === 'buffer' ? new ArrayBuffer(4096) : random.pick([0, 4, 1024, 2 ** 31, -1, NaN]);
  const descriptor = random.chance(0.5) ? { value } : { get: () => value };
  return Object.defineProperty(array, name, { configurable: true, ...descriptor });
}
