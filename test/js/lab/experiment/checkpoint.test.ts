// A checkpoint keeps what was noted in it: finished units, the unit in progress, the best training; and takes over those of other checkpoints.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BestTraining } from '../../../../lib/lab/experiment/best';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { MAGIC } from '../../../../lib/lab/experiment/checkpoint-file';
import {
  contentOf,
  files,
  OF,
  open,
  RESULT,
  RESULT_ALONE,
  SNAPSHOT,
  UNIT,
  written,
} from './written-checkpoint';

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

  it('removes what killed processes left half written of it, and nothing else', async () => {
    const file = await written('killed');
    const left = `${file}.0123456789ab.partial`;
    const others = [`${file}.partial`, `${file}.0123456789ab.partial.txt`, `${file}2.0123456789ab.partial`];
    for (const name of [left, ...others]) writeFileSync(name, '');
    await (await open(file)).close();
    expect([left, ...others].filter((name) => existsSync(name))).toEqual(others);
  });
});
