/// <reference lib="esnext.disposable" preserve="true" />
// prepare() of ckl-loss/cuda: options that are checked, and the loss that they make.
import { type Gatherer, readGroup } from '../communicator.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import type { LossParameters } from '../loss/functions.js';
import type { LossName } from '../losses.js';
import { isObject } from '../loss/intrinsics.js';
import { readShape } from '../loss/layout.js';
import { checkCallOptions } from '../loss/options.js';
import { planOfPrepared, preparedRule, readPrepared } from '../loss/prepare.js';
import type { BatchShape, CommonOptions, PairParameters, Reduction, Term } from '../types.js';
import { Device, deviceOf } from './device.js';
import { DeviceLoss } from './device-loss.js';
import { GroupedDeviceLoss } from './grouped.js';
import type { OnDevice } from './options.js';

/** The options of a loss that mean something on a GPU; element types are those of the tensors. */
export type DeviceOptions<R extends Reduction = Reduction> = Omit<
  CommonOptions<R>,
  'backend' | 'cpuTarget' | 'threads' | 'dtype' | 'teacherGrad'
> &
  OnDevice & {
    /** Also return dL/d(teacher score). Default false. */
    teacherGrad?: boolean;
    /**
     * Check the values of every batch as those of host arrays are checked (labels, ranks, offsets and so on), for debugging: each run
     * then waits for the GPU and copies what it checks. Default false.
     */
    check?: boolean;
    /**
     * The ranks whose queries are one batch, this rank's among them, each on its own GPU: `loss` (its mean is over all of them) and `counted`
     * are those of the whole batch on every rank, `grad` and `perQuery` those of the rank's own queries. `mpi()`, threads, an object of your own,
     * or `nccl(...)`, whose device is then the default. All ranks run alike. The ranks tell each other numbers through the host: `run` waits
     * for its stream twice, once with reduction 'none', and cannot be captured as a graph. The bits do not depend on the number of ranks.
     */
    group?: Gatherer;
    /** `[queries, documents]` at most. */
    shape: BatchShape;
  };

type Sum = { terms: readonly Term[] } & PairParameters;

/**
 * Prepares a loss, or with `'combine'` a weighted sum (`terms` among the options), for batches in the memory of one GPU.
 * @throws TypeError or RangeError if an option is not allowed or there is no GPU.
 */
export function prepare<N extends LossName | 'combine', R extends Reduction = 'mean'>(
  loss: N,
  options: (N extends LossName ? LossParameters[N] : Sum) & DeviceOptions<R>,
): DeviceLoss<R> {
  if (!isObject(options)) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `options is ${describe(options)}; prepare needs { shape: [queries, documents] }`,
    );
  }
  const { shape, terms, device, check } = options as DeviceOptions & { terms?: unknown };
  if (check !== undefined && typeof check !== 'boolean') {
    throw new CklTypeError('ERR_CKL_OPTION', `check is ${describe(check)}; it must be a boolean`);
  }
  // Callers see it on the loss, and must not change what batches are checked against.
  const size = Object.freeze(readShape(shape, preparedRule));
  refuseShard(options);
  const { group } = options as DeviceOptions;
  const ranks = group === undefined ? null : readGroup(group, 'group');
  const read = readPrepared(loss, terms, options, ['device', 'check', 'group']);
  for (const name of ['backend', 'cpuTarget', 'threads', 'dtype'] as const) {
    if (read.values[name] === undefined) continue;
    throw new CklTypeError('ERR_CKL_OPTION', `a loss on device memory takes no option ${name}`);
  }
  const values = { ...read.values, backend: 'cuda' as const };
  const plan = planOfPrepared(read, values);
  checkCallOptions(values, plan.name, plan.needsTeacher);
  const wanted = { teacherGrad: values.teacherGrad === true, diagnostics: values.diagnostics === true };
  const rest = [plan, deviceIn(group, device), size, wanted, check === true] as const;
  const made = ranks === null ? new DeviceLoss(...rest) : new GroupedDeviceLoss(ranks, ...rest);
  return made as unknown as DeviceLoss<R>;
}

/** Says why lists cannot be spread over GPUs, and what does the same. */
function refuseShard(options: object): void {
  if ((options as { shard?: unknown }).shard === undefined) return;
  throw new CklTypeError(
    'ERR_CKL_OPTION',
    'shard is given, but kernels make the sums of a list in one pass, without a place where ranks could exchange theirs; ' +
      "spread the queries (option group), or prepare the loss with 'ckl-loss', which takes shard on the CPU",
  );
}

/** The device of a loss: that which is asked for, or that of the ranks' GPUs. */
function deviceIn(group: unknown, asked: Device | number | undefined): Device {
  const ofGroup = (group as { device?: unknown } | undefined)?.device;
  if (!(ofGroup instanceof Device)) return deviceOf(asked);
  if (asked === undefined || deviceOf(asked) === ofGroup) return ofGroup;
  throw new CklRangeError(
    'ERR_CKL_DEVICE',
    `device is ${deviceOf(asked).index}, and group has this rank's GPU ${ofGroup.index}; leave device out`,
  );
}
