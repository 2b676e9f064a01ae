// nccl() where it cannot work: what it says of libraries, versions and GPUs. test/js/cuda/nccl.test.ts has what it computes.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Communicator, type FoundNccl, nccl } from '../../../lib/distributed/index';
import { idOverFile, idOverGroup } from '../../../lib/distributed/nccl-id';
import { localRankOf } from '../../../lib/distributed/launcher';
import type { Group } from '../../../lib/communicator';
import { hasGpu } from '../cuda/helpers';
import { errorOf } from '../loss/helpers';
import { plainEnvironment, run } from './launch';
import { buildBare, buildStandIn } from './nccl-standin';

const folder = mkdtempSync(join(tmpdir(), 'ckl-nccl-'));
afterAll(() => rmSync(folder, { recursive: true }));
let standIn = '';
beforeAll(() => {
  standIn = buildStandIn(folder);
});

/** What findNccl() finds in a process of these variables, and the error of a group of one. */
async function found(variables: Record<string, string>) {
  const file = join(folder, 'id');
  const code = `
    const { findNccl, nccl } = require('ckl-loss/distributed');
    const { kl } = require('ckl-loss');
    let thrown = null;
    try { nccl({ rank: 0, size: 1, file: ${JSON.stringify(file)} }).dispose(); } catch (error) { thrown = { code: error.code, message: error.message }; }
    const batch = { student: new Float32Array(2), teacher: new Float32Array(2), labels: new Uint8Array(2), shape: [1, 2] };
    console.log(JSON.stringify({ found: findNccl(), thrown, counted: kl(batch).counted }));`;
  const { stdout, stderr } = await run(process.execPath, ['-e', code], plainEnvironment(variables));
  expect(stderr).toBe('');
  expect(existsSync(file)).toBe(false);
  return JSON.parse(stdout) as {
    found: FoundNccl;
    thrown: { code: string; message: string } | null;
    counted: number;
  };
}

describe('libraries that are no NCCL, or not one that is known', () => {
  it.each([
    ['no file', (): string => 'libno-such.so.2', {}, /libno-such\.so\.2: cannot open shared object file/],
    ['another library', (): string => 'libm.so.6', {}, /libm\.so\.6: no NCCL: it lacks ncclGetVersion$/],
    [
      'too old, by the old numbers',
      (): string => standIn,
      { NCCL_STANDIN_VERSION: '2408' },
      /: NCCL 2\.4\.8; 2\.7 and later versions 2 are supported$/,
    ],
    [
      'of the future',
      (): string => standIn,
      { NCCL_STANDIN_VERSION: '30102' },
      /: NCCL 3\.1\.2; 2\.7 and later/,
    ],
    [
      'without its functions',
      (): string => buildBare(folder),
      {},
      /: NCCL 2\.21\.5 lacks ncclGetUniqueId, ncclCommInitRank, .*ncclBroadcast$/,
    ],
  ] as const)('%s', async (_what, library, variables, reason) => {
    const { found: one, thrown, counted } = await found({ CKL_NCCL: library(), ...variables });
    expect(one.available).toBe(false);
    expect((one as { reason: string }).reason).toMatch(reason);
    expect(thrown!.code).toBe('ERR_CKL_GROUP');
    expect(thrown!.message).toMatch(/^NCCL is not available: .*CKL_NCCL$/);
    expect(counted).toBe(1);
  });
});

describe('a library that opens', () => {
  it.each([
    ['22105', '2.21.5'],
    ['2708', '2.7.8'],
    ['2804', '2.8.4'],
    ['20906', '2.9.6'],
  ])('version %s is %s', async (number, version) => {
    const { found: one, thrown } = await found({ CKL_NCCL: standIn, NCCL_STANDIN_VERSION: number });
    expect(one).toEqual({ available: true, file: standIn, version, loaded: false });
    if (!hasGpu) expect(thrown!.code).toBe('ERR_CKL_BACKEND');
  });

  it('is the copy that another component has loaded', async () => {
    const { found: one } = await found({ LD_PRELOAD: standIn, CKL_NCCL: '' });
    expect(one).toEqual({ available: true, file: standIn, version: '2.21.5', loaded: true });
  });

  it('is named by doctor, as is the reason where there is none', async () => {
    const doctor = async (library: string) =>
      run(process.execPath, ['dist/lab/cli/main.js', 'doctor'], plainEnvironment({ CKL_NCCL: library }));
    expect((await doctor(standIn)).stdout).toMatch(/^NCCL +2\.21\.5, \/.*libnccl\.so\.2$/m);
    const none = await doctor('libno-such.so.2');
    expect(none.stdout).toMatch(/^NCCL +not available: NCCL does not open\. Tried: libno-such\.so\.2/m);
    expect(none.code).toBe(0);
  });
});

describe('arguments', () => {
  const alone = { rank: 0, size: 1, file: join(folder, 'never') };
  it.each([
    [{ ...alone, size: 0 }, {}, /^size is 0; it must be a whole number, at least 1/],
    [{ ...alone, rank: 1 }, {}, /^rank is 1; it must be 0 to 0/],
    [{ ...alone, file: '' }, {}, /^file is ''; it must be a path/],
    [{ ...alone, timeout: -1 }, {}, /^timeout is -1/],
    [null, {}, /^group is null; it must be a Communicator/],
    [alone, { library: '' }, /^library is ''; it must be the path/],
    [alone, { device: 0, stream: 1 }, /stream/],
  ])('%o, %o', (group, options, message) => {
    expect(() => nccl(group as unknown as Communicator, options)).toThrow(message);
  });
});

const makeId = () => Uint8Array.from({ length: 128 }, (_, k) => 255 - k);

describe('the id over a file', () => {
  const file = join(folder, 'id-of-a-test');
  it('comes to other ranks, and goes when all have joined', () => {
    const zero = idOverFile({ rank: 0, size: 2, file, timeout: 0 }, makeId);
    expect(idOverFile({ rank: 1, size: 2, file, timeout: 0 }, makeId).id).toEqual(makeId());
    zero.joined();
    expect(existsSync(file)).toBe(false);
  });

  it('of another job is refused by rank 0, and a missing one by the others', () => {
    writeFileSync(file, 'x');
    expect(errorOf(() => idOverFile({ rank: 0, size: 2, file, timeout: 0 }, makeId)).message).toMatch(
      /exists already, from another job or from one that failed; delete it/,
    );
    expect(errorOf(() => idOverFile({ rank: 1, size: 2, file, timeout: 0 }, makeId)).message).toMatch(
      /is not a file that rank 0 of nccl\(\) wrote/,
    );
    rmSync(file);
    expect(errorOf(() => idOverFile({ rank: 1, size: 2, file, timeout: 30 }, makeId)).message).toMatch(
      /did not appear within 30 ms; rank 0 writes it/,
    );
    const nowhere = join(folder, 'no/such/folder');
    expect(
      errorOf(() => idOverFile({ rank: 0, size: 2, file: nowhere, timeout: 0 }, makeId)).message,
    ).toMatch(/cannot be written: ENOENT/);
  });
});

describe('the id over a group', () => {
  /** Two ranks that gather together: what each passes, then what each gets. */
  function both(versions: [string | Error, string | Error]) {
    const told: Float64Array[] = [];
    const group = (rank: number, gathered: Float64Array | null): Group => ({
      rank,
      size: 2,
      gather: (values) => {
        told[rank] = values.slice();
        if (gathered === null) throw new Error('later');
        return gathered;
      },
    });
    const open = (version: string | Error) => () => {
      if (version instanceof Error) throw version;
      return { found: { version } };
    };
    versions.forEach((version, rank) => {
      expect(() => idOverGroup(group(rank, null), open(version), makeId)).toThrow('later');
    });
    const all = new Float64Array(told[0].length * 2);
    told.forEach((values, rank) => all.set(values, rank * values.length));
    return versions.map((version, rank) => {
      try {
        return idOverGroup(group(rank, all), open(version), makeId).id;
      } catch (error) {
        return (error as Error).message;
      }
    });
  }

  it('is rank 0s', () => expect(both(['2.21.5', '2.21.5'])).toEqual([makeId(), makeId()]));
  it('a rank without NCCL ends it on all', () => {
    expect(both(['2.21.5', new Error('none here')])).toEqual([
      'NCCL cannot be used on rank 1, which says why',
      'none here',
    ]);
  });
  it('versions that differ end it on all', () => {
    const message = 'rank 1 has NCCL 2.20.3 and rank 0 2.21.5; all need the same version';
    expect(both(['2.21.5', '2.20.3'])).toEqual([message, message]);
  });
});

it.each([
  [{ OMPI_COMM_WORLD_LOCAL_RANK: '3' }, 3],
  [{ SLURM_LOCALID: '1', LOCAL_RANK: 'x' }, 1],
  [{ MPI_LOCALRANKID: '' }, 0],
  [{}, 0],
])("a process's number on its host: %o", (variables, rank) => expect(localRankOf(variables)).toBe(rank));
