// Ends in the middle: a process that exits, or a worker that is terminated, with work of every kind in flight ends cleanly and in time.
import { describe, expect, it } from 'vitest';
import { runScript, short, sized } from './helpers';

describe('a process', () => {
  it.each(['exit', 'end', 'throw'])('that comes to its %s with work in flight ends cleanly', async (way) => {
    for (let round = 0; round < sized(short ? 1 : 5, 2); round++) {
      const { code, signal, out, err } = await runScript('in-flight.cjs', [way]);
      expect(signal, err).toBe(null);
      expect(code, err).toBe(way === 'throw' ? 1 : 0);
      expect(out).toBe('in flight\n');
      if (way === 'throw') expect(err).toContain('thrown on purpose');
      else expect(err).toBe('');
    }
  });
});

describe('workers', () => {
  it('terminated with work in flight leave the GPU to the others', async () => {
    const rounds = sized(short ? 2 : 10, 2);
    const { code, signal, out, err } = await runScript('terminated.cjs', [String(rounds)], sized(120, 180));
    expect(signal, err).toBe(null);
    expect(err).toBe('');
    expect(out).toBe(`${'terminated, and the loss is the same\n'.repeat(rounds)}`);
    expect(code).toBe(0);
  });
});
