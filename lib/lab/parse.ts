// Small parsers for file contents: each takes an unknown value and returns one of its type, or throws an
// error that names the place.

/** @throws ShapeError */
export type Parser<T> = (value: unknown, at: string) => T;

/** A value of the wrong kind; the message names its place. */
export class ShapeError extends Error {
  constructor(at: string, expected: string) {
    super(`${at === '' ? 'it' : at} is not ${expected}`);
  }
}

export const text: Parser<string> = (value, at) => {
  if (typeof value !== 'string') throw new ShapeError(at, 'a text');
  return value;
};

export const truth: Parser<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new ShapeError(at, 'true or false');
  return value;
};

/** Numbers that JSON cannot hold, as {@link toJson} writes them. */
const SPECIAL = new Map([NaN, Infinity, -Infinity, -0].map((value) => [nameOf(value), value]));

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** JSON that keeps every number, including those that JSON itself lacks; {@link number} reads them. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'number' && SPECIAL.has(nameOf(one)) ? nameOf(one) : one,
  );
}

export const number: Parser<number> = (value, at) => {
  const found = typeof value === 'string' ? SPECIAL.get(value) : value;
  if (typeof found !== 'number') throw new ShapeError(at, 'a number');
  return found;
};

/** A whole number of at least 0. */
export const count: Parser<number> = (value, at) => {
  const found = number(value, at);
  if (!Number.isSafeInteger(found) || found < 0) throw new ShapeError(at, 'a count');
  return found;
};

/** A value as it is, for values that are checked elsewhere. */
export const anything: Parser<unknown> = (value) => value;

export function oneOf<T extends string | number>(...allowed: readonly T[]): Parser<T> {
  return (value, at) => {
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw new ShapeError(at, `one of ${allowed.join(', ')}`);
    return found;
  };
}

export function array<T>(item: Parser<T>): Parser<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new ShapeError(at, 'an array');
    return value.map((one: unknown, i) => item(one, `${at}[${i}]`));
  };
}

function entriesOf(value: unknown, at: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ShapeError(at, 'an object');
  return new Map(Object.entries(value));
}

/** An object with the same kind of value under every name. */
export function record<T>(item: Parser<T>): Parser<Record<string, T>> {
  return (value, at) =>
    Object.fromEntries([...entriesOf(value, at)].map(([name, one]) => [name, item(one, `${at}.${name}`)]));
}

/** A value that may be absent. */
export function optional<T>(item: Parser<T>): Parser<T | undefined> {
  return (value, at) => (value === undefined ? undefined : item(value, at));
}

export function nullable<T>(item: Parser<T>): Parser<T | null> {
  return (value, at) => (value === null ? null : item(value, at));
}

type Fields = Record<string, Parser<unknown>>;
type Parsed<F extends Fields> = { [K in keyof F]: ReturnType<F[K]> };
type Absent<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];
type Tidy<T> = { [K in Exclude<keyof T, Absent<T>>]: T[K] } & {
  [K in Absent<T>]?: Exclude<T[K], undefined>;
};

/** An object with these fields, in their order; all others are dropped. */
export function object<F extends Fields>(fields: F): Parser<Tidy<Parsed<F>>> {
  return (value, at) => {
    const given = entriesOf(value, at);
    const found: Record<string, unknown> = {};
    for (const [name, parse] of Object.entries(fields)) {
      const one = parse(given.get(name), at === '' ? name : `${at}.${name}`);
      if (one !== undefined) found[name] = one;
    }
    // Every field has been through its parser.
    return found as Tidy<Parsed<F>>;
  };
}
