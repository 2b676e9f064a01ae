// What is shown while training goes on: a line that renews itself on a terminal, few lines elsewhere.
import { describe, expect, it } from 'vitest';
import { CompareProgress } from '../../../../lib/lab/cli/compare/progress';
import { ProgressLine } from '../../../../lib/lab/cli/progress';
import type { Values } from '../../../../lib/lab/experiment/results';

const progress = (epoch: number, step: number) => ({
  epoch,
  epochs: 100,
  step,
  steps: 1000,
  loss: 0.5,
  dev: 0.25,
  learningRate: 0.1,
  queriesPerSecond: 1234.4,
  secondsLeft: 74.2,
});

function shown(
  isTTY: boolean,
  feed: (line: ProgressLine, at: (ms: number) => void) => void,
  columns = 80,
): string {
  let text = '';
  let now = 0;
  const line = new ProgressLine({ isTTY, columns, write: (more: string) => (text += more) }, () => now);
  feed(line, (ms) => (now = ms));
  return text;
}

describe('ProgressLine', () => {
  it('keeps to the width of the terminal, 80 where it does not know its own', () => {
    const draw = (line: ProgressLine) => line.batch(progress(2, 500));
    expect(shown(true, draw, 0)).toMatch(/1:15 left$/);
    expect(shown(true, draw, 20)).toMatch(/epoch $/);
  });
  it('on a terminal: redraws one line a few times a second, and clears it', () => {
    const text = shown(true, (line, at) => {
      for (let step = 1; step <= 100; step++) {
        at(step);
        line.batch(progress(1, step * 10));
      }
      at(200);
      line.batch(progress(2, 500));
      line.epoch(progress(2, 500));
      line.done();
    });
    const draws = text.split('\r\x1b[K').slice(1);
    expect(draws).toHaveLength(4);
    expect(draws[2]).toBe('[#####.....] epoch 2/100  loss 0.5000  dev 0.2500  1234 queries/s  1:15 left');
    expect(draws[3]).toBe('');
    expect(text).not.toContain('\n');
  });
  it('elsewhere: the first epoch and about ten more, plain', () => {
    const text = shown(false, (line) => {
      for (let epoch = 1; epoch <= 100; epoch++) {
        line.batch(progress(epoch, epoch * 10));
        line.epoch(progress(epoch, epoch * 10));
      }
      line.done();
    });
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe('epoch 1/100  loss 0.5000  dev nDCG@10 0.2500  1234 queries/s');
    expect(text).not.toContain('\x1b');
  });
});

describe('the start of a student', () => {
  const shown = (isTTY: boolean, times: readonly number[]) => {
    let [text, now] = ['', 0];
    const line = new ProgressLine(
      { isTTY, columns: 100, write: (more: string) => (text += more) },
      () => now,
    );
    times.forEach((time, i) => {
      now = time;
      line.start(i + 1, times.length);
    });
    return text;
  };

  it('is shown with the time left on a terminal, and cleared', () => {
    const text = shown(true, [0, 3000, 6000, 9000]);
    expect(text).toContain('making the start (latent semantic analysis): 2 of 4 passes, 0:06 left');
    expect(text.endsWith('\r\x1b[K')).toBe(true);
  });

  it('is a line every two seconds elsewhere, and none where it is quick', () => {
    expect(shown(false, [0, 500, 1000, 1500])).toBe('');
    expect(shown(false, [0, 1500, 2500, 3000, 9000, 9500])).toBe(
      [3, 5].map((done) => `making the start (latent semantic analysis): ${done} of 6 passes\n`).join(''),
    );
  });
});

describe('CompareProgress', () => {
  it('says how far the starts of several models are, and how long each takes yet', () => {
    let [text, now] = ['', 0];
    const out = { isTTY: false, write: (more: string) => (text += more) };
    const progress = new CompareProgress(out, () => now);
    for (const [at, model, done] of [
      [0, 'dense', 1],
      [500, 'sparse', 1],
      [3000, 'dense', 2],
      [4000, 'sparse', 2],
      [6500, 'sparse', 3],
      [7000, 'dense', 4],
    ] as const) {
      now = at;
      progress.start(model, done, 4);
    }
    expect(text).toBe(
      'making the start of dense (latent semantic analysis): 2 of 4 passes, 0:06 left\n' +
        'making the start of sparse (latent semantic analysis): 3 of 4 passes, 0:03 left\n',
    );
  });

  it('says what each student reached once it is measured', () => {
    let text = '';
    const progress = new CompareProgress({ isTTY: true, write: (more: string) => (text += more) });
    const values = (...ndcg: number[]): Values => ({
      queries: ndcg.map((_, i) => `q${i}`),
      ...{ 'ndcg@10': ndcg, 'mrr@10': ndcg },
    });
    const tested = { rerank: values(0.5, 0.7), full: values(0.25, 0.35), zeroShot: {} };
    const unit = { model: 'multi', students: ['multi', 'two-stage'], fold: 1 } as const;
    const condition = { name: 'clean', wrongTeacher: 0, wrongLabels: 0 };
    const rest = { search: [], rate: 1, interrupted: false };
    const run = { seed: 1, trainings: [], test: { multi: tested, 'two-stage': tested } };
    progress.training(0, 2);
    progress.training(1, 2);
    progress.result({ ...rest, unit: { ...unit, condition }, runs: [run], start: { multi: tested } });
    const recipe = { name: 'kl', stages: ['kl' as const] };
    const spoilt = { ...condition, name: 'wrongTeacher' };
    progress.result({ ...rest, unit: { ...unit, condition: spoilt, fold: 0, recipe }, runs: [run] });
    const reached = 'rerank nDCG@10 0.6000, full nDCG@10 0.3000\n';
    expect(text.split('\r\x1b[K').at(-1)).toBe(
      [
        `multi, fold 2, start: ${reached}`,
        `multi, fold 2, warm-up: ${reached}`,
        `two-stage, fold 2, warm-up: ${reached}`,
        `multi, wrongTeacher, kl: ${reached}`,
        `two-stage, wrongTeacher, kl: ${reached}`,
      ].join(''),
    );
  });
});
