// Bad arguments of presets: the error names the argument, not what becomes of it.
import { describe, expect, it } from 'vitest';
import { CklRangeError, CklTypeError } from '../../../lib/index';
import { colbert, flagEmbedding, nemo, pylate, sentenceTransformers, tevatron } from '../../../lib/presets';

const presets: [name: string, make: (value: number) => unknown][] = [
  ['studentTemperature', (value) => sentenceTransformers.distillKlDiv(1, { studentTemperature: value })],
  ['teacherTemperature', (value) => sentenceTransformers.distillKlDiv(1, { teacherTemperature: value })],
  ['scale', (value) => sentenceTransformers.multipleNegativesRanking(value)],
  ['sigma', (value) => sentenceTransformers.rankNet(value)],
  ['sigma', (value) => sentenceTransformers.lambdaLoss(10, value)],
  ['distillationAlpha', (value) => colbert.distillation(value)],
  ['temperature', (value) => pylate.contrastive(value)],
  ['temperature', (value) => tevatron.distillation(value)],
  ['studentTemperature', (value) => tevatron.rerankerDistillation(value)],
  ['teacherTemperature', (value) => tevatron.v1(1, value)],
  ['temperature', (value) => flagEmbedding.klDiv(value)],
  ['temperature', (value) => flagEmbedding.contrastive(value)],
  ['temperature', (value) => nemo.infoNceDistill(value)],
  ['temperature', (value) => nemo.infoNce(value)],
];

describe.each(presets)('%s', (name, make) => {
  it.each([0, -1, NaN, Infinity])('%d is a RangeError', (value) => {
    expect(() => make(value)).toThrow(CklRangeError);
    expect(() => make(value)).toThrow(`${name} is ${value}; it must be finite and greater than 0`);
  });

  it('text is a TypeError', () => {
    expect(() => make('1' as never)).toThrow(CklTypeError);
  });
});

it('mu and log of the losses of pairs', () => {
  const { lambdaLoss, rankNet } = sentenceTransformers;
  expect(() => lambdaLoss(-1)).toThrow('mu is -1; it must be finite and at least 0');
  for (const make of [(log: never) => rankNet(1, log), (log: never) => lambdaLoss(10, 1, log)]) {
    expect(() => make('log2' as never)).toThrow(CklRangeError);
    expect(() => make('log2' as never)).toThrow("log is 'log2'; it must be 'binary' or 'natural'");
    expect(() => make(2 as never)).toThrow(CklTypeError);
  }
});
