// What another thread gets of an experiment's data: the same memory, the same start, the same results.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadRetrieval } from '../../../../lib/lab/experiment/data';
import type { Experiment, Unit } from '../../../../lib/lab/experiment/plan';
import { Retrievers } from '../../../../lib/lab/experiment/retrievers';
import { retrievalOf, shareRetrieval } from '../../../../lib/lab/experiment/shared-data';

const sample = join(__dirname, '../../../../examples/sample');
const EXPERIMENT: Experiment = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  zeroShot: [sample],
  folds: 2,
  models: [{ model: 'multi', students: ['multi', 'two-stage'] }],
  student: { width: 16 },
  recipes: [],
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
  seed: 1,
  seeds: 1,
  learningRate: 0.003,
  rates: [1],
  epochs: 1,
  batch: 16,
  docs: 8,
  loss: {},
  observe: 'nothing',
};
const UNIT: Unit = { ...EXPERIMENT.models[0], condition: EXPERIMENT.conditions[0], fold: 1 };

it('shares words and ids, copies lists, and keeps a document of several lists one object', async () => {
  const data = await loadRetrieval(EXPERIMENT);
  const { collection, zeroShot, folds } = retrievalOf(structuredClone(shareRetrieval(data)));
  const [list] = collection.lists;
  expect(list).toEqual(data.collection.lists[0]);
  // Memory is shared where a write here is seen there.
  const original = data.collection.lists[0].documents[0].words;
  const word = original[0];
  original[0] = -7;
  expect(list.documents[0].words[0]).toBe(-7);
  original[0] = word;
  const places = list.docids.map((id) => collection.docids.placeOf(id));
  expect(places.map((place) => collection.bags.at(place))).toEqual(list.documents);
  places.forEach((place, i) => expect(collection.bags.at(place)).toBe(list.documents[i]));
  expect([...folds[0].train, ...folds[0].dev, ...folds[0].test]).toContain(list);
  expect([...zeroShot[0].bags]).toEqual([...data.zeroShot[0].bags]);
  expect([...zeroShot[0].docids]).toEqual([...data.zeroShot[0].docids]);
});

it('measures the same with another thread’s data and start', async () => {
  const source = await Retrievers.load(EXPERIMENT);
  const other = Retrievers.of(structuredClone(source.shared), EXPERIMENT);
  const start = source.start('multi');
  expect(source.start('sparse')).toBe(start);
  expect(start.buffer).toBeInstanceOf(SharedArrayBuffer);
  other.takeStart('multi', start);
  const [expected, found] = [source, other].map((one) => one.open(UNIT).test());
  expect(found).toEqual(expected);
  expect(expected.multi!.full!['ndcg@10'].some((value) => value > 0)).toBe(true);
  expect(other.summary).toEqual(source.summary);

  // It is the start that was given, and no other.
  const zeros = Retrievers.of(structuredClone(source.shared), EXPERIMENT);
  zeros.takeStart('multi', new Float32Array(start.length));
  expect(zeros.open(UNIT).test()).not.toEqual(expected);
});

it('makes a start of its own for a model if another one was given while it already had its model', async () => {
  const both: Experiment = {
    ...EXPERIMENT,
    models: [...EXPERIMENT.models, { model: 'dense', students: ['dense'] }],
  };
  const dense: Unit = { ...UNIT, ...both.models[1] };
  const source = await Retrievers.load(both);
  const other = Retrievers.of(structuredClone(source.shared), both);
  other.open(UNIT);
  // Too late: the model of several vectors is there. What is not taken must not become another model's start.
  other.takeStart('multi', new Float32Array(source.start('multi').length));
  expect(other.open(dense).test()).toEqual(source.open(dense).test());
});
