// Turns a status code and five numbers from the addon into an error that names the argument, the place and
// the rule.
import { CklRangeError, CklTypeError, CudaError, type ErrorCode } from '../errors.js';
import { NativeArgument, NativeStatus, Scalar } from './codes.js';
import { fieldOf } from './fields.js';
import { native } from './native.js';

/** What is allowed and how to fix it, for statuses about one value of an array. */
const valueRules: Partial<Record<NativeStatus, { code: ErrorCode; rule: string }>> = {
  [NativeStatus.label]: {
    code: 'ERR_CKL_LABEL',
    rule: 'a label is 1 (positive), 0 (negative) or 255 (padding)',
  },
  [NativeStatus.rank]: {
    code: 'ERR_CKL_RANK',
    rule: 'a rank is 1 or more (Infinity for a document outside the ranking); leave ranks out to use those of the student scores',
  },
  [NativeStatus.beta]: {
    code: 'ERR_CKL_BETA',
    rule: 'gamma - beta must be at least 1; lower beta or raise gamma',
  },
  [NativeStatus.weight]: { code: 'ERR_CKL_WEIGHT', rule: 'a query weight is finite and at least 0' },
  [NativeStatus.relevance]: {
    code: 'ERR_CKL_RELEVANCE',
    rule: 'a relevance is finite; mark padding in labels with 255',
  },
  [NativeStatus.offset]: {
    code: 'ERR_CKL_OFFSETS',
    rule: 'offsets are positions in the scores: 0 or more, none less than the one before, none past the end',
  },
};

/** The error for a status other than ok, from the numbers in `scalars`. */
export function statusError(status: NativeStatus, scalars: Float64Array): Error {
  const argument = scalars[Scalar.argument];
  const name = argument === NativeArgument.none ? 'the batch' : fieldOf(argument).name;
  const value = scalars[Scalar.value];
  const rule = valueRules[status];
  if (rule !== undefined) {
    return new CklRangeError(rule.code, `${place(name, argument, scalars)} is ${value}; ${rule.rule}`);
  }
  switch (status) {
    case NativeStatus.type:
      return new CklTypeError(
        'ERR_CKL_TYPE',
        `${name} is not the typed array that is needed, or its memory is detached`,
      );
    case NativeStatus.size:
      return new CklRangeError(
        'ERR_CKL_SHAPE',
        `${name} has ${value} elements; the batch needs at least ${scalars[Scalar.required]}`,
      );
    case NativeStatus.memory:
      return new CklRangeError(
        'ERR_CKL_MEMORY',
        `could not allocate ${value} bytes of scratch memory; use smaller batches or fewer threads`,
      );
    case NativeStatus.device: {
      const [cudaName, words] = native.cudaError(value);
      const way =
        cudaName === 'cudaErrorMemoryAllocation'
          ? 'The batch and its results do not fit into the memory that is free on the GPU: use smaller batches'
          : `After a fault of the GPU this process cannot use it again; the CPU still works (backend: 'cpu')`;
      return new CudaError(cudaName, `${words}. ${way}`);
    }
    default:
      return new CklRangeError(
        'ERR_CKL_SHAPE',
        `the batch is too large to be addressed (${name}: ${value}); split it into several calls`,
      );
  }
}

/** `labels at query 1, document 2`; weights and offsets have no document. */
function place(name: string, argument: number, scalars: Float64Array): string {
  const query = scalars[Scalar.query];
  if (argument === NativeArgument.weights || argument === NativeArgument.offsets) return `${name}[${query}]`;
  return `${name} at query ${query}, document ${scalars[Scalar.document]},`;
}
