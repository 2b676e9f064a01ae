// Memory that JavaScript and the kernels share: arrays that last, and behind them room for one call's data.
import { matchKernels } from './match-kernels.js';
import { rowKernels } from './row-kernels.js';
import { assemble } from './wasm.js';

const PAGE = 65536;
/** The most memory a heap can have. Only what is used takes room. */
const MOST_PAGES = 65536;

const kernels = { ...rowKernels, ...matchKernels };

/** Addresses are in bytes, as `byteOffset` of the arrays; {@link rowKernels} and {@link matchKernels} say what each function does. */
export type Kernels = Record<keyof typeof kernels, (...parameters: number[]) => void>;

interface Memory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

/** What of WebAssembly is used; its types come with those of browsers alone. */
interface Machine {
  Memory: new (options: { initial: number; maximum: number; shared: true }) => Memory;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: Kernels };
}

const machine = (globalThis as unknown as { WebAssembly: Machine }).WebAssembly;
let compiled: object | undefined;

export class Heap {
  readonly kernels: Kernels;
  // Shared, so that arrays in it stay valid when it grows.
  private readonly memory = new machine.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
  private end = 0;
  /** How far scratch has reached; beyond, memory is 0 and takes no room yet. */
  private used = 0;

  constructor() {
    compiled ??= new machine.Module(assemble(kernels, MOST_PAGES));
    this.kernels = new machine.Instance(compiled, { env: { memory: this.memory } }).exports;
  }

  /** An array of zeros that lasts as long as the heap. */
  floats(length: number): Float32Array {
    const at = this.take(length);
    return new Float32Array(this.memory.buffer, at, length);
  }

  /** A lasting copy. */
  copy(values: Float32Array): Float32Array {
    const out = this.floats(values.length);
    out.set(values);
    return out;
  }

  /** A lasting copy of whole numbers. */
  integers(values: ArrayLike<number>): Int32Array {
    const at = this.take(values.length);
    const out = new Int32Array(this.memory.buffer, at, values.length);
    out.set(values);
    return out;
  }

  /** Room for one call after the other, behind what lasts: what is there is anyone's again at the next call of this. */
  scratch(): Scratch {
    return new Scratch(this.end, (end) => {
      this.used = Math.max(this.used, end);
      return this.reach(end);
    });
  }

  private take(length: number): number {
    const at = this.end;
    this.end = aligned(at + 4 * length);
    const buffer = this.reach(this.end);
    if (this.used > at) new Uint8Array(buffer, at, Math.min(this.used, this.end) - at).fill(0);
    return at;
  }

  private reach(end: number): SharedArrayBuffer {
    const missing = end - this.memory.buffer.byteLength;
    if (end > MOST_PAGES * PAGE)
      throw new RangeError(
        'a student of this many words needs more than 4 GiB: take shorter vectors (--width)',
      );
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return this.memory.buffer;
  }
}

/** Arrays for one call, one behind the other; their content is whatever was there. */
export class Scratch {
  constructor(
    private end: number,
    private readonly reach: (end: number) => SharedArrayBuffer,
  ) {}

  floats(length: number): Float32Array {
    const at = this.end;
    this.end = aligned(at + 4 * length);
    return new Float32Array(this.reach(this.end), at, length);
  }

  /** What is behind here, for another use while this one's arrays last. */
  rest(): Scratch {
    return new Scratch(this.end, this.reach);
  }

  integers(length: number): Int32Array {
    const { buffer, byteOffset } = this.floats(length);
    return new Int32Array(buffer, byteOffset, length);
  }
}

/** Vectors of four numbers are read fastest where none of them lies on two cache lines. */
const aligned = (address: number): number => 64 * Math.ceil(address / 64);

/** Behind the last number of an array. */
export const endOf = ({ byteOffset, byteLength }: Float32Array | Int32Array): number =>
  byteOffset + byteLength;
