// What is shown while training goes on: a line that renews itself on a terminal, few lines elsewhere.
import { describe, expect, it } from 'vitest';
import { ProgressLine } from '../../../../lib/lab/cli/progress';

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
