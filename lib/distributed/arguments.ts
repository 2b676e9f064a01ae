// Checks the arguments of a communicator's methods before another rank waits for this one.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';

export function checkValues(values: unknown): asserts values is Float64Array {
  if (values instanceof Float64Array) return;
  throw new CklTypeError('ERR_CKL_TYPE', `values is ${describe(values)}; it must be a Float64Array`);
}

export function checkRank(name: string, rank: unknown, size: number): asserts rank is number {
  if (Number.isInteger(rank) && (rank as number) >= 0 && (rank as number) < size) return;
  throw new CklRangeError('ERR_CKL_OPTION', `${name} is ${describe(rank)}; it is a rank, 0 to ${size - 1}`);
}

/** Those of `sendReceive`. */
export function checkSending(
  values: unknown,
  to: unknown,
  from: unknown,
  length: unknown,
  size: number,
): void {
  checkValues(values);
  checkRank('to', to, size);
  checkRank('from', from, size);
  checkLength(length);
}

/** The number of numbers that another rank sends. */
function checkLength(length: unknown): asserts length is number {
  if (Number.isInteger(length) && (length as number) >= 0 && (length as number) < 2 ** 31) return;
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `length is ${describe(length)}; it must be a whole number, below 2^31`,
  );
}
