// nccl(): what the GPUs of several processes exchange and add. On the emulated GPU over a stand-in of NCCL, on real ones over NCCL.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceTensor, prepare } from '../../../lib/cuda/index';
import { findNccl } from '../../../lib/distributed/index';
import { loadedAddon } from '../../../lib/native/native';
import { isInstalled, launchers, mpirun, plainEnvironment, programs, run } from '../distributed/launch';
import { buildStandIn } from '../distributed/nccl-standin';
import { gpuCount, hasGpu, isEmulated } from './helpers';

interface Found {
  rank: number;
  size: number;
  version: string;
  file: string;
  gathered: number[];
  returned: boolean;
  given: number[];
  broadcast: number[];
  sums: string[];
  bfloat16: string;
  float16: string;
  float64: string;
  onStream: number[];
  numbers: string[];
  loss: { loss: number; counted: number; grad: string };
  errors: string[];
}

const folder = mkdtempSync(join(tmpdir(), 'ckl-nccl-'));
afterAll(() => rmSync(folder, { recursive: true }));
const program = join(programs, 'nccl.mjs');
let variables: Record<string, string> = {};
beforeAll(() => {
  if (isEmulated) variables = { CKL_NCCL: buildStandIn(folder), NCCL_STANDIN_ADDON: loadedAddon.file };
});

const read = (size: number): Found[] =>
  Array.from(
    { length: size },
    (_, rank) => JSON.parse(readFileSync(join(folder, `${rank}.json`), 'utf8')) as Found,
  );

/** Processes that have a file in common. On real GPUs each has one of its own. */
async function overFile(size: number, wish: string, more: Record<string, string> = {}): Promise<Found[]> {
  const file = join(folder, 'id');
  const ranks = Array.from({ length: size }, (_, rank) =>
    run(
      process.execPath,
      [program, String(rank), String(size), file, folder, wish],
      plainEnvironment({ ...variables, LOCAL_RANK: String(rank), ...more }),
    ),
  );
  for (const { code, stderr } of await Promise.all(ranks)) {
    expect(stderr).toBe('');
    expect(code).toBe(0);
  }
  return read(size);
}

const values = (n: number, rank: number) =>
  Array.from({ length: n }, (_, k) => Math.sin(k + 1) * 10 ** ((rank * 3 + k) % 5));
const bits = (array: ArrayBufferView) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');

/** The sum in the order of ranks, rounded at every step. */
function sum(n: number, size: number, round: (x: number) => number): number[] {
  const parts = Array.from({ length: size }, (_, rank) => values(n, rank).map(round));
  return Array.from({ length: n }, (_, k) =>
    parts.slice(1).reduce((all, part) => round(all + part[k]), parts[0][k]),
  );
}
const widen = (h: number) => new Float32Array(Uint32Array.of(h << 16).buffer)[0];
function narrow(x: number): number {
  const [u] = new Uint32Array(Float32Array.of(x).buffer);
  return (u + 0x7fff + ((u >>> 16) & 1)) >>> 16;
}

function expectRight(ranks: Found[]): void {
  const size = ranks.length;
  const expected = lossOfOne(size);
  const each = Array.from({ length: size }, (_, rank) => rank);
  const halves = each.map((rank) => Array.from({ length: 9 }, (_, k) => 0x3f80 + 3 * k + 5 * rank));
  for (const found of ranks) {
    const ofDevices = gpuCount > 1 ? [/^ERR_CKL_DEVICE: device is \d, and group has this rank's GPU \d/] : [];
    expect(found.errors.slice(6, 7 + ofDevices.length)).toEqual(
      [/^ERR_CKL_OPTION: allGather takes no option out/, ...ofDevices].map((message) =>
        expect.stringMatching(message),
      ),
    );
    expect(found.errors.slice(0, 6)).toEqual([
      'ERR_CKL_TYPE: tensor holds int32; allReduce adds float32, bfloat16, float16 and float64',
      'ERR_CKL_TYPE: tensor is [ 1 ]; it must be a DeviceTensor',
      size === 1
        ? 'ERR_CKL_OVERLAP: out and tensor share memory; out needs memory of its own'
        : `ERR_CKL_SHAPE: out holds 3 int32; ${size} ranks have 3 int32 each`,
      'ERR_CKL_OVERLAP: out and tensor share memory; out needs memory of its own',
      `ERR_CKL_OPTION: root is ${size}; it is a rank, 0 to ${size - 1}`,
      expect.stringMatching(/^ERR_CKL_OPTION: .*from/),
    ]);
    const disposed = 'ERR_CKL_DISPOSED: this group of GPUs was disposed; make another';
    expect(found.errors.slice(7 + ofDevices.length)).toEqual([disposed, disposed]);
    expect(found.size).toBe(size);
    expect(found.gathered).toEqual(each.flatMap((rank) => [rank, 0 - rank, 7]));
    expect(found.given).toEqual(found.gathered);
    expect(found.returned).toBe(true);
    expect(found.broadcast).toEqual([size - 1, 199 + size]);
    expect(found.sums).toEqual(
      [0, 1, 2, 7, 1000, 70_001].map((n) => bits(Float32Array.from(sum(n, size, Math.fround)))),
    );
    expect(found.float64).toBe(bits(Float64Array.from(sum(5, size, (x) => x))));
    const added = halves[0].map((_, k) =>
      narrow(halves.slice(1).reduce((all, part) => Math.fround(all + widen(part[k])), widen(halves[0][k]))),
    );
    expect(found.bfloat16).toBe(bits(Uint16Array.from(added)));
    expect(found.float16).toBe(ranks[0].float16);
    expect(found.onStream).toEqual(each.map(() => size));
    const numbers = [3, 1, 2].map((n) =>
      bits(Float64Array.from(each.flatMap((rank) => new Array<number>(n).fill(rank || -0)))),
    );
    expect(found.numbers).toEqual(numbers);
    expect({ loss: found.loss.loss, counted: found.loss.counted }).toEqual(expected.value);
  }
  expect(ranks.map(({ loss }) => loss.grad).join('')).toBe(expected.grad);
}

/** The loss of the program's ranks, as one of them computes it that has all queries. */
function lossOfOne(size: number): { value: unknown; grad: string } {
  const number = (k: number) => Math.fround(3 * Math.sin(12.9898 * (k + 1)));
  const make = (seed: number) => Float32Array.from({ length: 10 * size }, (_, k) => number(seed + k));
  const group = {
    rank: 0,
    size: 1,
    allGather: (values: Float64Array) => values.slice(),
  };
  using loss = prepare('ckl', { shape: [2 * size, 5], group });
  const result = loss.run({
    student: DeviceTensor.from(make(0)),
    teacher: DeviceTensor.from(make(1000)),
    labels: DeviceTensor.from(Uint8Array.from({ length: 10 * size }, (_, k) => Number(k % 5 === 1))),
    weights: DeviceTensor.from(
      Float32Array.from({ length: 2 * size }, (_, b) => (b % 2 ? 1.7 : 0.3 + Math.floor(b / 2))),
    ),
  });
  return { value: result.read(), grad: bits(result.grad.toArray()) };
}

const sizes = isEmulated ? [1, 2, 3, 4] : [1, 2, 4, 8].filter((size) => size <= gpuCount);
describe.skipIf(!hasGpu || (!isEmulated && !findNccl().available))('nccl()', () => {
  it.each(sizes)('%i ranks with a file in common', async (size) => expectRight(await overFile(size, '')));

  it.each(launchers)('over MPI: $name', async (launcher) => {
    if (!isInstalled(launcher)) return;
    const size = sizes.includes(2) ? 2 : 1;
    const { code, stderr } = await mpirun(launcher, size, [program, 'mpi', '', '', folder], variables);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expectRight(read(size));
  });

  it.runIf(isEmulated).each([
    ['ncclAllGather', 'NCCL: ncclAllGather failed: internal error (as the stand-in was told)'],
    ['ncclBroadcast', 'NCCL: ncclBroadcast failed: internal error (as the stand-in was told)'],
    [
      'later',
      'NCCL: an operation before this one failed: remote process exited or there was a network error (as the stand-in was told)',
    ],
    ['ncclGetUniqueId', 'NCCL: ncclGetUniqueId failed: unhandled system error (as the stand-in was told)'],
    ['ncclCommInitRank', 'NCCL: ncclCommInitRank failed: unhandled system error (as the stand-in was told)'],
  ])('%s fails', async (name, message) => {
    const [{ errors }] = await overFile(1, 'fail', { NCCL_STANDIN_FAIL: name });
    expect(errors).toContain(`ERR_CKL_GROUP: ${message}`);
    rmSync(join(folder, 'id'), { force: true });
  });
});
