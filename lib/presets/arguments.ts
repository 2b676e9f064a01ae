// Checks of presets' own arguments, those that are not options of a loss.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';

/** A finite number greater than 0: a temperature, or what becomes one. */
export function positive(name: string, value: number): number {
  return checkNumber(name, value, (x) => x > 0 && x < Infinity, 'finite and greater than 0');
}

/** A finite number of 0 or more. */
export function nonNegative(name: string, value: number): number {
  return checkNumber(name, value, (x) => x >= 0 && x < Infinity, 'finite and at least 0');
}

/** `[queries, documents]`, both at least 1. */
export function checkShape(shape: unknown): readonly [queries: number, documents: number] {
  const [queries, documents] = Array.isArray(shape) ? (shape as unknown[]) : [];
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 1;
  if (isCount(queries) && isCount(documents) && (shape as unknown[]).length === 2)
    return [queries, documents];
  const message = `shape is ${describe(shape)}; it must be [queries, documents], two integers of 1 or more`;
  throw Array.isArray(shape)
    ? new CklRangeError('ERR_CKL_SHAPE', message)
    : new CklTypeError('ERR_CKL_SHAPE', message);
}

function checkNumber(
  name: string,
  value: unknown,
  allowed: (value: number) => boolean,
  rule: string,
): number {
  if (typeof value === 'number' && allowed(value)) return value;
  const message = `${name} is ${describe(value)}; it must be ${rule}`;
  throw typeof value === 'number'
    ? new CklRangeError('ERR_CKL_OPTION', message)
    : new CklTypeError('ERR_CKL_OPTION', message);
}
