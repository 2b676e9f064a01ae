// The warning of teacher scores that are too far apart for a temperature, against a softmax rounded to float32.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as Presets from '../../../lib/presets';
import { applyPreset, sentenceTransformers, teacherUnderflow } from '../../../lib/presets';
import { randomNumbers } from '../loss/helpers';

const labels = Uint8Array.of(1, 0, 1, 0);
const shape = [2, 2] as const;
/** Logits of a reranker: 18.5 and 19 apart. */
const teacher = Float32Array.of(8.5, -10, 7, -12);
const batch = { student: new Float32Array(4), teacher, labels, shape };

describe('teacherUnderflow', () => {
  it('counts what a float32 softmax makes 0', () => {
    const next = randomNumbers(5);
    const scores = Float32Array.from({ length: 600 }, () => next() * 220);
    const rows = [0, 1, 2].map((b) => [...scores.slice(b * 200, b * 200 + 200)]);
    const zeros = rows.flatMap((row) => {
      const best = Math.max(...row);
      const exps = row.map((s) => Math.fround(Math.exp(s - best)));
      const sum = exps.reduce((a, e) => a + e, 0);
      return exps.filter((e) => Math.fround(e / sum) === 0);
    }).length;
    const found = teacherUnderflow({ teacher: scores, shape: [3, 200] });
    expect(zeros).toBeGreaterThan(100);
    expect(found).toMatchObject({ zeros, documents: 600 });
    expect(found.spread).toBe(Math.max(...rows.map((row) => Math.max(...row) - Math.min(...row))));
    expect(teacherUnderflow({ teacher: scores, shape: [3, 200] }, 3).zeros).toBe(0);
  });

  it('leaves padding, excluded documents and lists with a NaN out', () => {
    const scores = Float32Array.of(0, -500, NaN, 0, -500, 0, -Infinity, 0);
    const marks = Uint8Array.of(1, 255, 0, 0, 0, 1, 0, 0);
    const found = teacherUnderflow({ teacher: scores, labels: marks, offsets: Int32Array.of(0, 2, 5, 8, 8) });
    expect(found).toEqual({ zeros: 0, documents: 3, spread: 0 });
  });

  it('refuses a layout that does not fit', () => {
    expect(() => teacherUnderflow({ teacher, shape: [2, 3] })).toThrow(RangeError);
  });
});

describe('the warning', () => {
  afterEach(() => vi.restoreAllMocks());

  it('comes once, with a code, and not where the temperature suits the scores', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    applyPreset(sentenceTransformers.distillKlDiv(), batch);
    applyPreset(sentenceTransformers.multipleNegativesRanking(), {
      student: new Float32Array(4),
      labels,
      shape,
    });
    expect(emit).not.toHaveBeenCalled();
    const sharp = sentenceTransformers.distillKlDiv(1, { teacherTemperature: 0.1 });
    expect(Number.isFinite(applyPreset(sharp, batch).loss)).toBe(true);
    applyPreset(sharp, batch);
    expect(emit).toHaveBeenCalledTimes(1);
    const [message, options] = emit.mock.calls[0] as unknown as [string, object];
    expect(options).toEqual({ type: 'CklWarning', code: 'CKL_TEACHER_UNDERFLOW' });
    expect(message).toContain('At teacherTemperature 0.1, 2 of 4 teacher probabilities are 0 in float32');
    expect(message).toContain('above 0.19');
  });

  it.each<[string, (presets: typeof Presets) => { loss: number }]>([
    ['authorsLoss, ckl', ({ authorsLoss }) => authorsLoss('ckl', batch, { teacherTemperature: 0.1 })],
    ['authorsLoss, bkl', ({ authorsLoss }) => authorsLoss('bkl', batch, { teacherTemperature: 0.1 })],
    ['authorsLoss, klLogL', ({ authorsLoss }) => authorsLoss('klLogL', batch, { teacherTemperature: 0.1 })],
    [
      'm3Kd, whose teacher has no temperature',
      ({ m3Kd }) =>
        m3Kd({ student: new Float32Array(8), teacher: teacher.map((s) => 10 * s), queries: 2, group: 2 }),
    ],
  ])('comes from %s', async (_, compute) => {
    vi.resetModules(); // once in a process: these modules are new
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const presets = await import('../../../lib/presets/index.js');
    presets.authorsLoss('ckl', batch); // 18.5 apart at temperature 2
    expect(emit).not.toHaveBeenCalled();
    expect(Number.isFinite(compute(presets).loss)).toBe(true);
    compute(presets);
    expect(emit).toHaveBeenCalledTimes(1);
  });
});
