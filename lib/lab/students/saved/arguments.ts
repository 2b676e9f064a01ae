// The arguments of a loaded student, checked: texts, documents, numbers.
import { CklRangeError, CklTypeError } from '../../../errors.js';

/** A document as its text, or with a title. */
export type DocumentText = string | { readonly title?: string; readonly text: string };

/** The same, read. */
export interface Titled {
  title: string;
  text: string;
}

/** A text with the id under which it is reported. */
export interface QueryWithId {
  readonly id: string;
  readonly text: string;
}

export interface DocumentWithId extends QueryWithId {
  readonly title?: string;
}

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new CklTypeError('ERR_CKL_TYPE', `${what} is a string, not ${kindOf(value)}`);
}

function array(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new CklTypeError('ERR_CKL_TYPE', `${what} is an array, not ${kindOf(value)}`);
}

const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

export const readText = (value: unknown, what: string): string => text(value, what);

export const readTexts = (value: unknown, what: string): string[] =>
  array(value, what).map((one, i) => text(one, `${what}[${i}]`));

/** Title, '' where there is none, and text of each document. */
export function readDocuments(value: unknown, what: string): { title: string; text: string }[] {
  return array(value, what).map((one, i) => {
    if (typeof one === 'string') return { title: '', text: one };
    return {
      title: text(property(one, 'title') ?? '', `${what}[${i}].title`),
      text: text(property(one, 'text'), `${what}[${i}] or its text`),
    };
  });
}

/** The same with ids, each once. */
export function readWithIds(value: unknown, what: string): { id: string; title: string; text: string }[] {
  const met = new Set<string>();
  return array(value, what).map((one, i) => {
    const id = text(property(one, 'id'), `${what}[${i}].id`);
    if (met.has(id))
      throw new CklRangeError(
        'ERR_CKL_OPTION',
        `${what}[${i}].id is ${JSON.stringify(id)}, as one before it`,
      );
    met.add(id);
    return {
      id,
      title: text(property(one, 'title') ?? '', `${what}[${i}].title`),
      text: text(property(one, 'text'), `${what}[${i}].text`),
    };
  });
}

export function readCount(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw new CklRangeError('ERR_CKL_OPTION', `${what} is a whole number of at least 1, not ${String(value)}`);
}

export function readChoice<T extends string>(value: unknown, what: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new CklRangeError('ERR_CKL_OPTION', `${what} is ${choices.join(' or ')}, not ${String(value)}`);
}
