// A checkpoint that is damaged, cut off, in use or no plain file: refused or harmless, never half believed.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { CheckpointError } from '../../../../lib/lab/experiment/checkpoint-error';
import { formatRecord, MAGIC, readRecords } from '../../../../lib/lab/experiment/checkpoint-file';
import { LockedError } from '../../../../lib/lab/experiment/lock';
import type { Unit } from '../../../../lib/lab/experiment/plan';
import { OutputError } from '../../../../lib/data/errors';
import type { BestTraining } from '../../../../lib/lab/experiment/best';
import type { UnitResult } from '../../../../lib/lab/experiment/results';
import type { Snapshot } from '../../../../lib/lab/experiment/unit';
import { Random } from '../../../../lib/lab/training/random';
import { scratch } from '../../data/files';

const files = scratch();
const OF = { command: 'refine', options: { seed: 1, losses: ['ckl'] } };
const UNIT: Unit = {
  model: 'dense',
  students: ['dense'],
  condition: { name: 'given', wrongTeacher: 0, wrongLabels: 0 },
  fold: 0,
};
const VALUES = { queries: ['q'], 'ndcg@10': [0.5], 'mrr@10': [1] };
const RESULT: UnitResult = {
  unit: UNIT,
  search: [{ rate: 0.003, dev: 0.25 }],
  rate: 0.003,
  runs: [],
  start: { dense: { rerank: VALUES, full: VALUES, zeroShot: {} } },
  references: { teacher: VALUES },
  interrupted: false,
};
/** As the file holds it: its place names its unit. */
const RESULT_ALONE: Partial<UnitResult> = { ...RESULT };
delete RESULT_ALONE.unit;
const SNAPSHOT: Snapshot = {
  state: {
    ...{ search: [], runs: [], warming: false, done: [], observed: [], steps: { 'dense/map': 3 } },
    position: {
      ...{ epoch: 1, batch: 2, random: -7, order: [1, 0], lossSum: NaN, ranks: null },
      history: [{ epoch: 0, dev: 0.25 }],
      best: { epoch: 0, dev: 0.25 },
    },
  },
  arrays: { 'now/dense/map': Float32Array.of(1, -2), 'best/weights': Float64Array.of(0.1) },
};

const open = async (file: string, of = OF) => (await Checkpoint.open({ checkpoint: file }, of))!;

/** A file with a finished unit and one in progress. */
async function written(name: string): Promise<string> {
  const file = join(files.dir, name);
  const checkpoint = await open(file);
  await checkpoint.bind('digest');
  await checkpoint.add(0, RESULT);
  await checkpoint.save(1, SNAPSHOT);
  await checkpoint.close();
  return file;
}

/** What a file gives, or that it is refused. */
async function contentOf(file: string) {
  try {
    const checkpoint = await open(file);
    const { done, standing } = checkpoint;
    await checkpoint.close();
    return { done: [...done], standing };
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return undefined;
  }
}

it('has a record without arrays as one line, its digest before its JSON', () => {
  const json = JSON.stringify({ kind: 'unit', place: 3 });
  const digest = createHash('sha256').update(json).digest('hex');
  expect(formatRecord({ kind: 'unit', place: 3 }).toString()).toBe(`${digest} ${json}\n`);
});

it('counts records from one where it names a bad one', async () => {
  const records = [{ kind: 'a' }, { kind: 'b' }, { kind: 'c' }].map((value) => formatRecord(value));
  const flipped = Buffer.from(records[1]);
  flipped[5] ^= 1;
  const bytes = Buffer.concat([Buffer.from(MAGIC), records[0], flipped, records[2]]);
  expect(() => [...readRecords(bytes)]).toThrow('record 2 does not match its digest');
});

describe('a checkpoint', () => {
  it('gives back what was noted, every number as it was', async () => {
    expect(await contentOf(await written('whole'))).toEqual({
      done: [[0, RESULT_ALONE]],
      standing: { place: 1, ...SNAPSHOT },
    });
    expect(readdirSync(files.dir).filter((name) => name.startsWith('whole'))).toEqual(['whole']);
  });

  it('holds the best training of each model, and only the last of them', async () => {
    const file = join(files.dir, 'best');
    const training = (place: number, dev: number): BestTraining => ({
      ...{ unit: UNIT, place, rate: 0.1, dev },
      run: { seed: 1, trainings: [], test: {} },
      parameters: { dense: { map: Float32Array.of(dev, 2), 'a/b': Float64Array.of(place) } },
    });
    const checkpoint = await open(file);
    await checkpoint.bind('digest');
    checkpoint.keepBest(training(1, 0.25));
    await checkpoint.add(1, RESULT);
    checkpoint.keepBest(training(2, 0.5));
    await checkpoint.save(2, SNAPSHOT);
    await checkpoint.close();
    const again = await open(file);
    const expected: Partial<BestTraining> = training(2, 0.5);
    delete expected.unit;
    expect(again.best).toEqual([expected]);
    expect(again.standing).toEqual({ place: 2, ...SNAPSHOT });
    await again.add(2, RESULT);
    await again.close();
    const last = await open(file);
    expect(last.best).toEqual([expected]);
    await last.close();
  });

  it('with any flipped bit is refused, or loses at most its last record', async () => {
    const whole = await contentOf(await written('flipped'));
    const bytes = readFileSync(join(files.dir, 'flipped'));
    const random = new Random(1);
    const rounds = Number(process.env.CKL_FLIPS ?? 200);
    let refused = 0;
    for (let i = 0; i < rounds; i++) {
      const damaged = Buffer.from(bytes);
      damaged[random.below(bytes.length)] ^= 1 << random.below(8);
      const file = files.write('damaged', '');
      writeFileSync(file, damaged);
      const found = await contentOf(file);
      if (!found) refused++;
      else if (found.standing) expect(found).toEqual(whole);
      else expect([[], whole!.done]).toContainEqual(found.done);
    }
    expect(refused).toBeGreaterThan(0.9 * rounds);
  });

  it('with anything behind where the unit in progress stands is refused', async () => {
    const bytes = readFileSync(await written('behind'));
    const more = formatRecord({ kind: 'data', digest: 'digest' }, {});
    writeFileSync(files.write('damaged', ''), Buffer.concat([bytes, more]));
    await expect(open(join(files.dir, 'damaged'))).rejects.toThrow(
      'a record follows the one that should be last',
    );
  });

  it('that begins as one ends is refused', async () => {
    for (const bytes of [MAGIC.slice(1), MAGIC.slice(-3), `${MAGIC.slice(0, -1)}x`]) {
      const file = files.write('foreign', bytes);
      await expect(open(file)).rejects.toThrow('not a checkpoint of ckl-loss');
    }
  });

  it('with a flipped bit in its arrays is refused, whichever byte it is in', async () => {
    const bytes = readFileSync(await written('arrays'));
    // They end the file: two numbers of 4 bytes and one of 8.
    for (let from = 1; from <= 16; from++) {
      const damaged = Buffer.from(bytes);
      damaged[bytes.length - from] ^= 1 << (from % 8);
      writeFileSync(files.write('damaged', ''), damaged);
      expect(await contentOf(join(files.dir, 'damaged'))).toBeUndefined();
    }
  });

  it('cut off anywhere keeps its complete records, and begins afresh where there are none', async () => {
    const whole = await contentOf(await written('cut'));
    const bytes = readFileSync(join(files.dir, 'cut'));
    const lengths = Array.from({ length: bytes.length }, (_, length) => length);
    for (const length of lengths.filter((one) => one <= MAGIC.length || one % 37 === 0)) {
      const file = join(files.dir, 'short');
      writeFileSync(file, bytes.subarray(0, length));
      const found = await contentOf(file);
      expect(found!.standing).toBeUndefined();
      expect([[], whole!.done]).toContainEqual(found!.done);
    }
  });

  it('of another command, other options or other data is refused', async () => {
    const file = await written('other');
    await expect(open(file, { ...OF, command: 'train' })).rejects.toThrow(
      'it was written by ckl-loss refine, not by ckl-loss train',
    );
    await expect(open(file, { ...OF, options: { ...OF.options, seed: 2 } })).rejects.toThrow(
      'seed was 1, now 2',
    );
    const checkpoint = await open(file);
    await expect(checkpoint.bind('another')).rejects.toThrow('it belongs to a run on other data');
    await checkpoint.close();
  });

  it('of another version is refused', async () => {
    const file = await written('version');
    const [, ...rest] = readRecords(readFileSync(file));
    const other = formatRecord({ kind: 'head', version: '0.0.9', ...OF });
    writeFileSync(file, Buffer.concat([Buffer.from(MAGIC), other, ...rest.map(({ bytes }) => bytes)]));
    await expect(open(file)).rejects.toThrow(/it was written by ckl-loss 0\.0\.9, and this is \d/);
  });

  it('takes the finished units of other checkpoints of its run, and keeps them', async () => {
    const unitOf = async (name: string, places: number[], digest?: string) => {
      const checkpoint = await open(join(files.dir, name));
      if (digest !== undefined) await checkpoint.bind(digest);
      for (const place of places) await checkpoint.add(place, { ...RESULT, rate: place });
      await checkpoint.close();
      return join(files.dir, name);
    };
    const others = [
      await unitOf('other1', [0, 2], 'digest'),
      await unitOf('other2', [1, 2], 'digest'),
      // It had read no data yet.
      await unitOf('other3', []),
      join(files.dir, 'not there'),
    ];
    const file = join(files.dir, 'all');
    const all = (await Checkpoint.open({ checkpoint: file, others }, OF))!;
    const expected = [0, 2, 1].map((place) => [place, { ...RESULT_ALONE, rate: place }]);
    expect([...all.done]).toEqual(expected);
    await expect(all.bind('another')).rejects.toThrow('it belongs to a run on other data');
    await all.bind('digest');
    await all.close();
    // Without the others, too.
    const alone = await open(file);
    expect([...alone.done]).toEqual(expected);
    await expect(alone.bind('another')).rejects.toThrow('it belongs to a run on other data');
    await alone.close();
    const folder = join(files.dir, 'no file');
    mkdirSync(folder);
    await expect(Checkpoint.open({ checkpoint: file, others: [folder] }, OF)).rejects.toMatchObject({
      message: `${folder}: no checkpoint to read: it is no plain file`,
      cause: expect.any(Error) as unknown,
    });
    // What it has already, it does not take.
    const otherwise = join(files.dir, 'otherwise');
    const filled = await open(otherwise);
    await filled.bind('digest');
    await filled.add(0, { ...RESULT, rate: 0.125 });
    await filled.close();
    const before = readFileSync(file);
    const same = (await Checkpoint.open({ checkpoint: file, others: [otherwise] }, OF))!;
    expect([...same.done]).toEqual(expected);
    await same.add(3, { ...RESULT, rate: 3 });
    await same.close();
    expect(readFileSync(file).subarray(0, before.length).equals(before)).toBe(true);
    expected.push([3, { ...RESULT_ALONE, rate: 3 }]);
    // One that was cut off before its first record has nothing to take.
    const nothing = files.write('nothing', MAGIC);
    const again = (await Checkpoint.open({ checkpoint: file, others: [nothing] }, OF))!;
    expect([...again.done]).toEqual(expected);
    await again.close();
    const apart = await unitOf('apart', [5], 'another');
    const mixed = Checkpoint.open({ checkpoint: file, others: [apart] }, OF);
    await expect(mixed).rejects.toThrow(
      `${apart}: it belongs to a run on other data than the other checkpoints in its folder`,
    );
    const empty = await unitOf('empty', []);
    const begun = (await Checkpoint.open({ checkpoint: empty, others: [apart] }, OF))!;
    expect([...begun.done.keys()]).toEqual([5]);
    await begun.close();
  });

  it('belongs to one run at a time, and to the next after it', async () => {
    const file = await written('used');
    const first = await open(file);
    await expect(open(file)).rejects.toThrow(`${file}: in use by process ${process.pid}`);
    await first.close();
    // The lock of a process that is gone; no process has this number.
    writeFileSync(`${file}.lock`, readFileSync('/proc/sys/kernel/hostname', 'utf8').replace(/^/, '4194999 '));
    await (await open(file)).close();
  });

  it('belongs to a process of another user, which may not be asked whether it runs', async () => {
    const file = await written('unasked');
    const holder = `4194999 ${hostname()}`;
    writeFileSync(`${file}.lock`, `${holder}\n`);
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    try {
      await expect(open(file)).rejects.toThrow(`${file}: in use by process ${holder.replace(' ', ' on ')}`);
    } finally {
      kill.mockRestore();
    }
    await (await open(file)).close();
  });

  it('keeps what it had when more is added', async () => {
    const file = await written('more');
    const again = await open(file);
    await again.add(1, { ...RESULT, rate: 0.5 });
    await again.close();
    const third = await open(file);
    expect([...third.done]).toEqual([
      [0, RESULT_ALONE],
      [1, { ...RESULT_ALONE, rate: 0.5 }],
    ]);
    // Where the unit stood went with its end.
    expect(third.standing).toBeUndefined();
    await expect(third.bind('another')).rejects.toThrow('it belongs to a run on other data');
    await third.close();
  });

  it('names its data once, however often it is gone on from', async () => {
    const file = await written('bound');
    const before = readFileSync(file);
    const again = await open(file);
    await again.bind('digest');
    await again.bind('digest');
    await again.save(1, SNAPSHOT);
    await again.close();
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('is copied at once to where it is kept from now on, and not written again where that is the same file', async () => {
    const file = await written('here');
    const [link, copy] = [join(files.dir, 'a link'), join(files.dir, 'there')];
    symlinkSync(file, link);
    const { ino } = statSync(file);
    for (const resume of [undefined, file, link]) {
      const own = (await Checkpoint.open({ checkpoint: file, resume }, OF))!;
      expect(statSync(file).ino).toBe(ino);
      await own.close();
    }
    const copied = (await Checkpoint.open({ checkpoint: copy, resume: file }, OF))!;
    expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
    await copied.close();
    // A file that was cut off before its first record is begun again.
    const cut = files.write('cut off', MAGIC);
    await (await open(cut)).close();
    expect(readFileSync(cut, 'utf8').slice(MAGIC.length)).toContain('"kind":"head"');
  });

  it('is only read where it is gone on from and nothing is to be kept', async () => {
    const file = await written('read only');
    const before = readFileSync(file);
    const held = await open(file);
    // Even while another run holds it: a resume writes nothing, there or here.
    const here = readdirSync('.');
    const resumed = (await Checkpoint.open({ resume: file }, OF))!;
    expect(readdirSync('.')).toEqual(here);
    expect([...resumed.done]).toEqual([[0, RESULT_ALONE]]);
    expect(resumed.standing!.place).toBe(1);
    await resumed.close();
    await held.close();
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(await Checkpoint.open({}, OF)).toBeUndefined();
  });

  it('says what the system said where it cannot be written', async () => {
    const nowhere = join(files.dir, 'no such folder', 'checkpoint');
    const error = await open(nowhere).catch((found: unknown) => found as CheckpointError);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).cause).toBeInstanceOf(OutputError);
    const missing = await Checkpoint.open({ resume: nowhere }, OF).catch((found: unknown) => found);
    expect(missing).toMatchObject({ file: nowhere, cause: { code: 'ENOENT' } });
    const damaged = join(files.dir, 'another record');
    writeFileSync(damaged, Buffer.concat([Buffer.from(MAGIC), formatRecord({ kind: 'another' })]));
    await expect(open(damaged)).rejects.toMatchObject({
      message: expect.stringContaining('damaged: ') as unknown,
      cause: expect.any(Error) as unknown,
    });
    // What is wrong with the run, and not with the file, is said as it is.
    const other = { ...OF, command: 'compare' };
    await expect(open(await written('of refine'), other)).rejects.toThrow(/^[^:]*of refine: (?!damaged)/);
    const file = await written('held');
    const held = await open(file);
    await expect(open(file)).rejects.toMatchObject({ cause: expect.any(LockedError) as unknown });
    await held.close();
  });

  it('removes what killed processes left half written of it, and nothing else', async () => {
    const file = await written('killed');
    const left = `${file}.0123456789ab.partial`;
    const others = [`${file}.partial`, `${file}.0123456789ab.partial.txt`, `${file}2.0123456789ab.partial`];
    for (const name of [left, ...others]) writeFileSync(name, '');
    await (await open(file)).close();
    expect([left, ...others].filter((name) => existsSync(name))).toEqual(others);
  });

  it('follows links, and takes plain files alone', async () => {
    const [far, link] = [join(files.dir, 'far'), join(files.dir, 'near')];
    symlinkSync(far, link);
    await (await open(link)).close();
    expect(readFileSync(far, 'latin1')).toMatch(/^ckl-loss checkpoint 1\n/);
    mkdirSync(join(files.dir, 'folder'));
    await expect(open(join(files.dir, 'folder'))).rejects.toThrow('it is a folder');
    await expect(open('/dev/null')).rejects.toThrow('no plain file');
    writeFileSync(far, 'some text');
    await expect(open(far)).rejects.toThrow('not a checkpoint of ckl-loss');
    expect(readFileSync(far, 'utf8')).toBe('some text');
  });
});
