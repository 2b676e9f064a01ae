// Rank trackers and presets with arguments of any kind: typed errors, each property read once, and no loop without an end.
import { describe, expect, it } from 'vitest';
import { RankTracker } from '../../../lib/index';
import { applyPreset, inBatchTeacher, m3Kd, minMax, teacherUnderflow } from '../../../lib/presets';
import { errorOf } from '../loss/helpers';

const odd: [string, unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a symbol', Symbol('odd')],
  ['an object without a prototype', Object.create(null)],
  ['an object that claims to be a list', { length: 2 ** 53 - 1 }],
  ['an array with the prototype alone', Object.create(Float32Array.prototype)],
  ['a Proxy', new Proxy({}, {})],
  ['a list of a hole', new Array(1)],
  ['a long list of holes', new Array(2 ** 32 - 1)],
  ['a function', () => 5],
  ['NaN', NaN],
];
const floats = (n: number) => new Float32Array(n);
const layout = { shape: [1, 2] as const };
const saved = () => ({ ...new RankTracker().toJSON(), rankings: [['q', ['a'], [1]]] });

describe.each(odd)('%s', (_, value) => {
  const v = value as never;
  const calls: [string, () => unknown][] = [
    ['a query', () => new RankTracker().set(v, [])],
    ['documents', () => new RankTracker().set('q', v)],
    ['a document', () => new RankTracker().set('q', [v])],
    ['a score', () => new RankTracker().set('q', ['a'], [v])],
    ['queries', () => new RankTracker().fill({ ...layout, queries: v, documents: ['a', 'b'] })],
    ['a query of a batch', () => new RankTracker().fill({ ...layout, queries: [v], documents: ['a', 'b'] })],
    ['documents of a batch', () => new RankTracker().fill({ ...layout, queries: ['q'], documents: v })],
    ['a batch', () => new RankTracker().fill(v)],
    ['a query to look up', () => new RankTracker().has(v)],
    ['a query to delete', () => new RankTracker().delete(v)],
    ['a query of a rank', () => new RankTracker().rank(v, 'a')],
    ['a number of batches', () => new RankTracker().tick(v === undefined ? (null as never) : v)],
    ['a state', () => RankTracker.fromJSON(v)],
    ['a depth', () => new RankTracker({ depth: v === undefined ? (null as never) : v })],
    ...['depth', 'every', 'batches', 'refreshedAt', 'rankings', 'unlisted'].map(
      (name): [string, () => unknown] => [
        `${name} of a state`,
        () =>
          RankTracker.fromJSON({
            ...saved(),
            [name]: name === 'refreshedAt' && v === null ? NaN : v,
          } as never),
      ],
    ),
    ['a ranking of a state', () => RankTracker.fromJSON({ ...saved(), rankings: [v] } as never)],
    ['ids of a state', () => RankTracker.fromJSON({ ...saved(), rankings: [['q', v, [1]]] } as never)],
    ['scores of minMax', () => minMax(v, layout)],
    ['a layout', () => minMax(floats(2), v)],
    [
      'labels of minMax',
      () => minMax(floats(2), { ...layout, labels: v === undefined ? (null as never) : v }),
    ],
    ['a teacher', () => teacherUnderflow({ ...layout, teacher: v })],
    ['a batch of m3Kd', () => m3Kd(v)],
    ['queries of m3Kd', () => m3Kd({ student: floats(2), teacher: floats(2), queries: v, group: 2 })],
    ['a teacher of a batch', () => inBatchTeacher(v, 1, 2)],
    ['a group', () => inBatchTeacher(floats(2), 1, v)],
    ['a preset', () => applyPreset(v, {} as never)],
  ];
  // What is left out has its default.
  const allowed = value === undefined ? ['unlisted of a state', 'every of a state'] : [];
  it.each(calls.filter(([name]) => !allowed.includes(name)))('as %s has a code', (_name, call) => {
    const error = errorOf(call);
    expect(error.code, error.stack).toMatch(/^ERR_CKL_/);
  });
});

describe('a batch of many queries without documents', () => {
  const shape = [2 ** 53 - 1, 0] as const;
  it('is refused where ids are wanted, and is nothing to a preset', () => {
    const tracker = new RankTracker();
    expect(errorOf(() => tracker.fill({ shape, queries: [], documents: [] })).code).toBe('ERR_CKL_SHAPE');
    expect(minMax(floats(0), { shape }).scores.length).toBe(0);
    expect(teacherUnderflow({ shape, teacher: floats(0) }).documents).toBe(0);
  });
});

describe('a tracker', () => {
  it('reads each property of a batch once', () => {
    const tracker = new RankTracker();
    tracker.set('q', ['a', 'b']);
    const counts = new Map<PropertyKey, number>();
    const batch = new Proxy(
      { queries: ['q', 'r'], documents: ['a', 'b', 'c', 'd'], student: floats(4), shape: [2, 2] as const },
      {
        get: (from, name) => {
          counts.set(name, (counts.get(name) ?? 0) + 1);
          return Reflect.get(from, name);
        },
      },
    );
    expect([...tracker.fill(batch)]).toEqual([1, 2, 1, 1]);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
  });
});
