// backend 'auto': which losses are timed, and what the times decide.
import { describe, expect, it } from 'vitest';
import { autoLeast, autoMargin, chooseBySpeed, type Timer } from '../../../lib/loss/auto';
import { backends, losses, prepare } from '../../../lib/index';
import { planOf } from '../../../lib/loss/options';

const { cuda } = backends();
const { spec } = planOf(losses.ckl, {});
const times =
  (cpu: number, gpu: number): Timer =>
  ({ backend }) =>
    backend === 'cuda' ? gpu : cpu;

describe.runIf(cuda.available)('auto with a GPU', () => {
  it('takes the GPU where it is clearly faster', () => {
    const shape = [1024, 64] as const;
    expect(chooseBySpeed(spec, shape, times(100, 10))).toEqual({ backend: 'cuda', cpu: 100, cuda: 10 });
    expect(chooseBySpeed(spec, shape, times(100, 101 / autoMargin))?.backend).toBe('cpu');
    expect(chooseBySpeed(spec, shape, times(100, Infinity))?.backend).toBe('cpu');
  });

  it('times no small batches, and of large ones a part', () => {
    const never: Timer = () => expect.fail('timed');
    expect(chooseBySpeed(spec, [1, autoLeast - 1], never)).toBe(null);
    const shapes: number[][] = [];
    const seen: Timer = (_, shape) => shapes.push([...shape]);
    chooseBySpeed(spec, [1 << 20, 100], seen);
    chooseBySpeed(spec, [2, 1 << 21], seen);
    expect(shapes).toEqual([
      [10485, 100],
      [10485, 100],
      [1, 1 << 21],
      [1, 1 << 21],
    ]);
  });

  it('times both, and prepares the choice', () => {
    const choice = chooseBySpeed(spec, [512, 128])!;
    expect(choice.cpu).toBeGreaterThan(0);
    expect(choice.cuda).toBeGreaterThan(0);
    expect(Number.isFinite(choice.cuda)).toBe(true);
    using loss = prepare('ckl', { shape: [512, 128], backend: 'auto' });
    expect(['cpu', 'cuda']).toContain(loss.backend);
    using named = prepare('ckl', { shape: [512, 128], backend: 'cuda' });
    expect(named.backend).toBe('cuda');
  });
});

describe.runIf(!cuda.available)('auto without a GPU', () => {
  it('is the CPU, and times nothing', () => {
    expect(chooseBySpeed(spec, [1024, 1024], () => expect.fail('timed'))).toBe(null);
    using loss = prepare('ckl', { shape: [1024, 1024] });
    expect(loss.backend).toBe('cpu');
  });
});
