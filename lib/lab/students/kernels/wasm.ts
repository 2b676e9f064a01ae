// Writes WebAssembly: the few instructions that the kernels of the students are made of, and modules of such functions.

/** Bytes of machine code; an expression leaves its value on the stack. */
export type Code = number[];

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;
/** A block without a result. */
const EMPTY = 0x40;

/** A whole number in signed LEB128, which the format reads as an unsigned one as well, where it is none below 0. */
function leb(value: number): Code {
  const out: Code = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    if (rest >= -0x40 && rest < 0x40) return [...out, low];
    out.push(low | 0x80);
  }
}

const counted = (items: readonly Code[]): Code => [...leb(items.length), ...items.flat()];
const sized = (code: Code): Code => [...leb(code.length), ...code];
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))];
const text = (name: string): Code => sized([...Buffer.from(name)]);

export const get = (local: number): Code => [0x20, ...leb(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...leb(local)];
export const constant = (value: number): Code => [0x41, ...leb(value)];
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
export const subtract = (a: Code, b: Code): Code => [...a, ...b, 0x6b];
export const multiply = (a: Code, b: Code): Code => [...a, ...b, 0x6c];
/** Both as bits. */
export const and = (a: Code, b: Code): Code => [...a, ...b, 0x71];
export const increase = (local: number, by: Code): Code => set(local, add(get(local), by));
/** Runs the body until the local reaches the limit; at least once. */
export const repeat = (local: number, limit: Code, body: Code): Code => [
  ...[0x03, EMPTY, ...body],
  ...[...get(local), ...limit, 0x49],
  ...[0x0d, 0, 0x0b],
];
export const runIfBelow = (a: Code, b: Code, body: Code): Code => [
  ...[...a, ...b, 0x49],
  ...[0x04, EMPTY, ...body, 0x0b],
];
export const loadInteger = (address: Code, offset = 0): Code => [...address, 0x28, 2, ...leb(offset)];

/** Numbers, one at a time. */
export const storeOne = (address: Code, value: Code): Code => [...address, ...value, 0x38, 2, 0];
export const addOne = (a: Code, b: Code): Code => [...a, ...b, 0x92];
/** Lane 0 to 3 of four numbers. */
export const lane = (four: Code, index: number): Code => [...four, 0xfd, 0x1f, index];

/** Numbers, four at a time. */
export const loadFour = (address: Code, offset = 0): Code => [...address, 0xfd, 0x00, 2, ...leb(offset)];
export const loadOneFourTimes = (address: Code): Code => [...address, 0xfd, 0x09, 2, 0];
export const storeFour = (address: Code, value: Code, offset = 0): Code => [
  ...[...address, ...value],
  ...[0xfd, 0x0b, 2, ...leb(offset)],
];
/** A number, four times. */
export const four = (one: Code): Code => [...one, 0xfd, 0x13];
/** A whole number, four times. */
export const fourIntegers = (one: Code): Code => [...one, 0xfd, 0x11];
export const fourOf = (value: number): Code => {
  const bytes = [...Buffer.from(Float32Array.of(value).buffer)];
  return [0xfd, 0x0c, ...bytes, ...bytes, ...bytes, ...bytes];
};
export const zeros = fourOf(0);
const onFour =
  (operation: number) =>
  (a: Code, b: Code): Code => [...a, ...b, 0xfd, ...leb(operation)];
export const addFour = onFour(0xe4);
export const subtractFour = onFour(0xe5);
export const multiplyFour = onFour(0xe6);
export const divideFour = onFour(0xe7);
/** The larger of two; a where they are equal. */
export const largerFour = onFour(0xeb);
/** All bits where a > b. */
export const aboveFour = onFour(0x44);
export const rootFour = (a: Code): Code => [...a, 0xfd, ...leb(0xe3)];
/** a where the bits of the mask are set, b elsewhere. */
export const choose = (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, 0xfd, 0x52];
/** a₀ + a₁ + a₂ + a₃, in the order (a₀ + a₁) + (a₂ + a₃). */
export const sumOfFour = (local: number): Code => {
  const of = (index: number) => lane(get(local), index);
  return addOne(addOne(of(0), of(1)), addOne(of(2), of(3)));
};

/** 0, 1, … up to a count. */
export const range = (count: number): number[] => [...Array(count).keys()];

/** A function without a result. */
export interface Kernel {
  /** Types of its parameters, which are its first locals. */
  parameters: readonly number[];
  /** Types of the locals after them. */
  locals: readonly number[];
  body: Code;
}

/** Numbers the parameters and locals of a function by name, in the order in which they are asked for. */
export class Locals<P extends string> {
  readonly types: number[] = [];

  constructor(private readonly parameterTypes: Record<P, number>) {}

  /** The parameters, numbered from 0. */
  get parameters(): Record<P, number> {
    return Object.fromEntries(Object.keys(this.parameterTypes).map((name, i) => [name, i])) as Record<
      P,
      number
    >;
  }

  /** A new local. */
  local(type: number): number {
    this.types.push(type);
    return Object.keys(this.parameterTypes).length + this.types.length - 1;
  }

  kernel(body: Code): Kernel {
    return { parameters: Object.values<number>(this.parameterTypes), locals: this.types, body };
  }
}

/** The module of some functions, exported by their names; it imports a shared memory as `env.memory`. */
export function assemble(kernels: Readonly<Record<string, Kernel>>, pages: number): Uint8Array<ArrayBuffer> {
  const names = Object.keys(kernels);
  const all = Object.values(kernels);
  return Uint8Array.from([
    ...[0, ...Buffer.from('asm'), 1, 0, 0, 0],
    ...section(
      1,
      all.map(({ parameters }) => [0x60, ...counted(parameters.map((type) => [type])), 0]),
    ),
    // 3: shared, with a greatest size.
    ...section(2, [[...text('env'), ...text('memory'), 2, 3, 0, ...leb(pages)]]),
    ...section(
      3,
      all.map((_, i) => leb(i)),
    ),
    ...section(
      7,
      names.map((name, i) => [...text(name), 0, ...leb(i)]),
    ),
    ...section(
      10,
      all.map(({ locals, body }) => sized([...counted(locals.map((type) => [1, type])), ...body, 0x0b])),
    ),
  ]);
}
