// Checks of single values in a line: numbers, ids, JSON objects. Each throws BadLine with what was expected.
import { BadLine, excerpt } from './errors.js';

/**
 * Stands in a record for a text that is not UTF-8, so that the code that needs the value can report its
 * place.
 */
export class NotText {}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const INFINITE = /^[-+]?inf(inity)?$/i;

/** A finite decimal number. `Number('')` is 0 and `Number('0x1f')` is 31; neither is a score. */
export function parseNumber(text: string, what: string): number {
  const value = NUMBER.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw new BadLine(`a finite number as ${what}`, excerpt(text));
  return value;
}

/** A finite decimal number, or `inf` or `-inf` as C and Python print them. */
export function parseExtended(text: string, what: string): number {
  if (INFINITE.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return parseNumber(text, what);
}

/** An integer of either sign that a double represents exactly. `1.0` is one, as pandas writes it. */
export function parseInteger(text: string, what: string): number {
  if (!/^[-+]?\d+(\.0*)?$/.test(text)) throw new BadLine(`a whole number as ${what}`, excerpt(text));
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new BadLine(`a whole number of at most ${Number.MAX_SAFE_INTEGER} as ${what}`, excerpt(text));
  return value;
}

/** The first columns of a line, separated by white space; at most this many, however long the line is. */
export const columnsOf = (line: string, most: number): string[] => line.trim().split(/\s+/, most);

/** The JSON value of a line. */
export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new BadLine('JSON', whyNoJson(line, error as Error));
  }
}

const AROUND = 20;

/** The text at which a line stops being JSON; the whole line if it is short. */
function whyNoJson(line: string, { message }: Error): string {
  if (line.length <= 60) return excerpt(line);
  // Python writes these, but they are not JSON.
  const word = /[[,:]\s*(-?(?:NaN|Infinity))\s*[,}\]]/.exec(line);
  const at = word ? word.index + 1 : Number(/at position (\d+)/.exec(message)?.[1] ?? NaN);
  const ending = /end of JSON|Unterminated/.test(message);
  if (ending) return `a line that ends within it, with ${excerpt(line.slice(-AROUND))}`;
  if (Number.isNaN(at)) return excerpt(line);
  const found = `${excerpt(line.slice(Math.max(0, at - AROUND), at + AROUND))} at character ${at + 1}`;
  return word ? `${word[1]}, in ${found}` : found;
}

/** The JSON object of a line. */
export function parseObject(line: string): Record<string, unknown> {
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadLine('a JSON object', excerpt(line));
  return value as Record<string, unknown>;
}

/**
 * The name of a value in its record, e.g. `"scores"`, and its index in an array. Formatted only for an error.
 */
const named = (what: string, index?: number): string => (index === undefined ? what : `${what}[${index}]`);

/** An id: a non-empty string, or an integer, which is converted to a string. */
export function asId(value: unknown, what: string, index?: number): string {
  if (typeof value === 'string' && value !== '') return value;
  if ((typeof value === 'number' && Number.isSafeInteger(value)) || typeof value === 'bigint')
    return String(value);
  throw new BadLine(`an id (text or a whole number) as ${named(what, index)}`, shown(value));
}

export function asText(value: unknown, what: string, index?: number): string {
  if (typeof value === 'string') return value;
  throw new BadLine(`text as ${named(what, index)}`, shown(value));
}

export function asScore(value: unknown, what: string, index?: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return Number(value);
  throw new BadLine(`a finite number as ${named(what, index)}`, shown(value));
}

/** An integer that a double represents exactly, even if written as another number type. */
export function asWhole(value: unknown, what: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw new BadLine(`a whole number as ${what}`, shown(value));
}

/** An array whose every element passes `check`. */
export function asArray<T>(
  value: unknown,
  what: string,
  check: (element: unknown, what: string, index: number) => T,
): T[] {
  if (!Array.isArray(value)) throw new BadLine(`an array as ${what}`, shown(value));
  return value.map((element, i) => check(element, what, i));
}

const SHOWN = 60;

/** A value from JSON as an error shows it: its beginning, however large or deep it is. */
export function shown(value: unknown): string {
  if (value instanceof NotText) return 'bytes that are not UTF-8';
  if (value instanceof Date) return 'a date';
  return value === undefined ? 'nothing' : excerpt(sketch(value, SHOWN + 1));
}

/** The beginning of a value's JSON, at least this many characters. Without JSON.stringify, which builds all of it and may overflow the stack. */
function sketch(value: unknown, room: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, room));
  if (typeof value !== 'object' || value === null) return String(value);
  if (room <= 1) return '';
  let text = Array.isArray(value) ? '[' : '{';
  const add = (name: string, part: unknown): boolean => {
    text += `${text.length > 1 ? ',' : ''}${name}`;
    text += sketch(part, room - text.length);
    return text.length < room;
  };
  // Both loops end early: no list of all keys or elements is made.
  if (Array.isArray(value)) {
    for (const part of value) if (!add('', part)) return text;
    return `${text}]`;
  }
  for (const name in value)
    if (!add(`${JSON.stringify(name.slice(0, room))}:`, (value as Record<string, unknown>)[name]))
      return text;
  return `${text}}`;
}
