// Checks of single values in a line: numbers, ids, JSON objects. Each throws BadLine with what was expected.
import { BadLine, excerpt } from './errors.js';

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** A finite decimal number. `Number('')` is 0 and `Number('0x1f')` is 31; neither is a score. */
export function parseNumber(text: string, what: string): number {
  const value = NUMBER.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw new BadLine(`a finite number as ${what}`, excerpt(text));
  return value;
}

/** A whole number, of either sign. */
export function parseInteger(text: string, what: string): number {
  if (!/^[-+]?\d+$/.test(text)) throw new BadLine(`a whole number as ${what}`, excerpt(text));
  return Number(text);
}

/** The JSON value of a line. */
export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new BadLine('JSON', excerpt(line));
  }
}

/** The JSON object of a line. */
export function parseObject(line: string): Record<string, unknown> {
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadLine('a JSON object', excerpt(line));
  return value as Record<string, unknown>;
}

/** An id: text that is not empty, or a whole number, which becomes its text. */
export function asId(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new BadLine(`an id (text or a whole number) as ${what}`, shown(value));
}

export function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new BadLine(`text as ${what}`, shown(value));
}

export function asScore(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new BadLine(`a finite number as ${what}`, shown(value));
}

/** An array whose every element passes `check`. */
export function asArray<T>(value: unknown, what: string, check: (element: unknown, what: string) => T): T[] {
  if (!Array.isArray(value)) throw new BadLine(`an array as ${what}`, shown(value));
  return value.map((element, i) => check(element, `${what}[${i}]`));
}

/** A value from JSON as an error shows it. */
export function shown(value: unknown): string {
  return value === undefined ? 'nothing' : excerpt(JSON.stringify(value));
}
