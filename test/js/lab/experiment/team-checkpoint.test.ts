// A checkpoint that a team opens: rank 0 writes it, the others read it once it is whole, and nobody goes on before all have.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { openWithTeam } from '../../../../lib/lab/experiment/team-checkpoint';
import type { Team } from '../../../../lib/lab/training/team';
import { scratch } from '../../data/files';

const files = scratch();
const OF = { command: 'refine', options: { seed: 1 } };

/** A rank that notes what was there at each barrier. */
function member(rank: number, look: () => unknown) {
  const seen: unknown[] = [];
  return { seen, team: { rank, barrier: () => void seen.push(look()) } as unknown as Team };
}

it('is begun and held by rank 0 before the first barrier, and only read by the others after it', async () => {
  const checkpoint = join(files.dir, 'new');
  const look = () => [existsSync(checkpoint), existsSync(`${checkpoint}.lock`)];
  const first = member(0, look);
  const opened = (await openWithTeam({ checkpoint }, OF, first.team))!;
  expect(first.seen).toEqual([
    [true, true],
    [true, true],
  ]);
  await opened.bind('digest');
  const before = readFileSync(checkpoint);

  const second = member(1, look);
  const read = (await openWithTeam({ checkpoint, checkpointEvery: 7 }, OF, second.team))!;
  expect(second.seen).toHaveLength(2);
  expect(read.every).toBe(7);
  await expect(read.bind('another')).rejects.toThrow('on other data');
  await read.bind('digest');
  await read.close();
  expect(readFileSync(checkpoint).equals(before)).toBe(true);
  expect(existsSync(`${checkpoint}.lock`)).toBe(true);
  await opened.close();
});

it('is read from the file to go on from, where another is written', async () => {
  const [resume, checkpoint] = [join(files.dir, 'old'), join(files.dir, 'other')];
  const old = (await Checkpoint.open({ checkpoint: resume }, OF))!;
  await old.bind('of the old one');
  await old.close();
  const second = member(1, () => existsSync(checkpoint));
  const read = (await openWithTeam({ checkpoint, resume }, OF, second.team))!;
  await expect(read.bind('another')).rejects.toThrow('on other data');
  await read.close();
  expect(existsSync(checkpoint)).toBe(false);
});

it('waits for a job that still holds it, and not for ever', async () => {
  const checkpoint = join(files.dir, 'held');
  const held = (await Checkpoint.open({ checkpoint }, OF))!;
  const { team } = member(0, () => undefined);
  const waiting = openWithTeam({ checkpoint }, OF, team);
  await held.close();
  const opened = (await waiting)!;
  // Each look at the clock is three seconds after the one before: five have gone by at the second attempt.
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 3000));
  try {
    await expect(openWithTeam({ checkpoint }, OF, team)).rejects.toThrow('in use by process');
    expect(clock.mock.calls.length).toBe(3);
  } finally {
    clock.mockRestore();
  }
  await opened.close();
});

it('does not wait where it cannot be opened for another reason', async () => {
  const checkpoint = files.write('something else', 'some text');
  const { team, seen } = member(0, () => undefined);
  const clock = vi.spyOn(performance, 'now');
  try {
    await expect(openWithTeam({ checkpoint }, OF, team)).rejects.toThrow('not a checkpoint of ckl-loss');
    // Once, for when to give up.
    expect(clock.mock.calls.length).toBe(1);
  } finally {
    clock.mockRestore();
  }
  expect(seen).toEqual([]);
});

it('is the ordinary one without a team, and none without a file', async () => {
  const checkpoint = join(files.dir, 'alone');
  const alone = (await openWithTeam({ checkpoint }, OF, undefined))!;
  expect(existsSync(`${checkpoint}.lock`)).toBe(true);
  await alone.close();
  const { team, seen } = member(1, () => undefined);
  expect(await openWithTeam({}, OF, team)).toBeUndefined();
  expect(seen).toEqual([]);
});
