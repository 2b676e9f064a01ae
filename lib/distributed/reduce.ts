// Sums over ranks in the order of ranks, with any library: the order of an MPI_Allreduce depends on the
// number of ranks and varies within a message.
import type { ReduceOperation } from '../communicator.js';
import { describe, oneOf } from '../describe.js';
import { CklRangeError } from '../errors.js';

/**
 * Maximum number of numbers gathered at once from all ranks together, which bounds the memory of a large sum.
 */
const most = 1 << 20;

const operations: Record<ReduceOperation, (a: number, b: number) => number> = {
  sum: (a, b) => a + b,
  min: Math.min,
  max: Math.max,
};

/** Implements allReduce by gathering: every rank adds the same numbers in the same order. */
export function reduceInOrder(
  gather: (values: Float64Array) => Float64Array,
  size: number,
  values: Float64Array,
  operation: ReduceOperation,
): Float64Array {
  const add = operations[operation] as (typeof operations)[ReduceOperation] | undefined;
  if (add === undefined || !Object.hasOwn(operations, operation)) {
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      `operation is ${describe(operation)}; it is ${oneOf(Object.keys(operations))}`,
    );
  }
  const out = new Float64Array(values.length);
  const step = Math.max(1, Math.floor(most / size));
  for (let from = 0; from < values.length; from += step) {
    const part = values.subarray(from, from + step);
    const all = gather(part);
    for (let k = 0; k < part.length; k++) {
      let total = all[k];
      for (let rank = 1; rank < size; rank++) total = add(total, all[rank * part.length + k]);
      out[from + k] = total;
    }
  }
  return out;
}
