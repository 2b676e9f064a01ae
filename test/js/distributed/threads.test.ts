// threads(n): what worker threads exchange, in pieces and in one, and how a group ends when a rank does not come.
import { describe, expect, it } from 'vitest';
import { joinThreads, threads, type ThreadSeat } from '../../../lib/distributed/index';
import { team } from './team';

describe('threads(n)', () => {
  it.each([
    [1, 65536],
    [2, 65536],
    [3, 1],
    [4, 3],
  ])('%i ranks exchange, %i numbers at a time', async (size, capacity) => {
    const body = `(group) => ({
      gathered: [...group.allGather(Float64Array.of(group.rank, -0, NaN, 4, 5))],
      sum: [...group.allReduce(Float64Array.of(0.1 * (group.rank + 1), group.rank))],
      least: [...group.allReduce(Float64Array.of(-group.rank), 'min')],
      most: [...group.allReduce(Float64Array.of(-group.rank), 'max')],
      broadcast: [...group.broadcast(Float64Array.of(group.rank, 7), group.size - 1)],
      nothing: group.allGather(new Float64Array(0)).length,
      received: [...group.sendReceive(new Float64Array(group.rank + 1).fill(group.rank), (group.rank + 1) % group.size,
        (group.rank + group.size - 1) % group.size, (group.rank + group.size - 1) % group.size + 1)],
      barrier: group.barrier(),
    })`;
    const results = await team<object>(size, body, undefined, { capacity });
    const ranks = Array.from({ length: size }, (_, k) => k);
    let sum = 0.1;
    for (let rank = 1; rank < size; rank++) sum += 0.1 * (rank + 1);
    for (const [rank, result] of results.entries()) {
      const before = (rank + size - 1) % size;
      expect(result).toEqual({
        received: new Array<number>(before + 1).fill(before),
        gathered: ranks.flatMap((rank) => [rank, -0, NaN, 4, 5]),
        sum: [sum, ranks.reduce((a, b) => a + b)],
        least: [size === 1 ? -0 : 1 - size],
        most: [-0],
        broadcast: [size - 1, 7],
        nothing: 0,
        barrier: undefined,
      });
    }
  });

  it('many rounds keep their order', async () => {
    const body = `(group) => {
      for (let k = 0; k < 3000; k++) {
        const all = group.allGather(Float64Array.of(k, group.rank));
        for (let rank = 0; rank < group.size; rank++)
          if (all[2 * rank] !== k || all[2 * rank + 1] !== rank) return 'wrong at ' + k;
      }
      return 'right';
    }`;
    expect(await team(3, body)).toEqual(['right', 'right', 'right']);
  });

  it('ranks that pass arrays of other lengths all throw, and the group is given up', async () => {
    const body = `(group) => {
      const errors = [];
      for (const length of [group.rank === 1 ? 3 : 2, 2]) {
        try { group.allGather(new Float64Array(length)); } catch (error) { errors.push(error.code + ' ' + error.message); }
      }
      return errors;
    }`;
    const [zero, one, two] = await team<string[]>(3, body);
    expect(zero[0]).toBe(
      'ERR_CKL_GROUP rank 1 of the threads passes 3 numbers, and rank 0 2; all ranks must call alike',
    );
    expect(one[0]).toBe(
      'ERR_CKL_GROUP rank 0 of the threads passes 2 numbers, and rank 1 3; all ranks must call alike',
    );
    expect(two[0]).toMatch(/^ERR_CKL_GROUP rank 1 of the threads passes 3 numbers, and rank 2 2/);
    for (const errors of [zero, one, two])
      expect(errors[1]).toMatch(/this group of threads was given up by rank/);
  });

  it('a rank that takes another number than is sent ends the exchange on all', async () => {
    const body = `(group) => {
      const next = (group.rank + 1) % 3, before = (group.rank + 2) % 3;
      try { group.sendReceive(new Float64Array(2), next, before, group.rank === 1 ? 3 : 2); } catch (error) { return error.message; }
    }`;
    const wrong = 'rank 0 of the threads passes 2 numbers, and rank 1 takes 3; all ranks must call alike';
    expect(await team(3, body)).toEqual([wrong, wrong, wrong]);
    const alone = joinThreads(threads(1)[0]);
    const send = alone.sendReceive!.bind(alone);
    const one = new Float64Array(1);
    expect(() => send(one, 1, 0)).toThrow('to is 1; it is a rank, 0 to 0');
    expect(() => send(one, 0, -1)).toThrow('from is -1; it is a rank, 0 to 0');
    expect(() => send(one, 0, 0, 0.5)).toThrow('length is 0.5; it must be a whole number, below 2^31');
  });

  it('a rank that does not come ends the wait of the others', async () => {
    const body = `(group) => {
      if (group.rank === 2) return 'gone';
      group.barrier();
    }`;
    const results = await team<{ code: string; message: string } | string>(3, body, undefined, {
      timeout: 300,
    });
    expect(results[2]).toBe('gone');
    const messages = results.slice(0, 2).map((result) => (result as { message: string }).message);
    expect(
      messages.filter((message) => message.endsWith('waited 300 ms; 1 of 3 did not come')).length,
    ).toBeGreaterThan(0);
    for (const message of messages) expect(message).toMatch(/did not come$|was given up by rank/);
  });

  it('refuses wrong arguments', () => {
    expect(() => threads(0)).toThrow('n is 0; it must be a whole number from 1 to 1024');
    expect(() => threads(2, { capacity: 0.5 })).toThrow(/^capacity is 0\.5/);
    expect(() => threads(2, { timeout: Infinity })).toThrow(/^timeout is Infinity/);
    expect(() => joinThreads(null as unknown as ThreadSeat)).toThrow(
      /^seat is null; it must be one of those/,
    );
    const [seat] = threads(2);
    expect(() => joinThreads({ ...seat, rank: 2 })).toThrow(/^seat\.rank is 2/);
    expect(() => joinThreads({ ...seat, size: 1000, rank: 999 })).toThrow(/memory of seat is smaller/);
  });
});
