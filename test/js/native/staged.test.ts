// The native plan run on one buffer with everything in it: the results of run(), and a refusal of whatever does not fit.
import { beforeEach, describe, expect, it } from 'vitest';
import { NativeArgument, NativeStatus, Scalar } from '../../../lib/native/codes';
import { native, type NativePlan } from '../../../lib/native/native';
import { call, run, SIZE } from './plan-call';
import { specificationOf } from './specification';

let plan: NativePlan;
beforeEach(() => {
  plan = new native.Plan(specificationOf());
});

const scalarsByName = {
  present: Scalar.present,
  rankType: Scalar.rankType,
  studentType: Scalar.studentType,
  queries: Scalar.queries,
  docs: Scalar.docs,
  stride: Scalar.stride,
};

describe('runStaged()', () => {
  const places = 16;
  const most = 1024;
  const start = (argument: number) => 128 + 4 * (most + 16) * (argument - 1);
  const size = start(places + 1);
  const floatsAt = (stage: ArrayBuffer, argument: number) => new Float32Array(stage, start(argument), SIZE);
  const labelsAt = (stage: ArrayBuffer) => new Uint8Array(stage, start(NativeArgument.labels), SIZE);
  const scalarsOf = (stage: ArrayBuffer) => new Float64Array(stage, 0, 16);
  const given = [
    NativeArgument.student,
    NativeArgument.teacher,
    NativeArgument.labels,
    NativeArgument.grad,
    NativeArgument.perQuery,
  ];
  /** The arrays of `call()` that every batch has, in one buffer. */
  const staged = () => {
    const stage = new ArrayBuffer(size);
    const c = call();
    const scalars = scalarsOf(stage);
    scalars.set(c.scalars);
    floatsAt(stage, NativeArgument.student).set(c.student);
    floatsAt(stage, NativeArgument.teacher).set(c.teacher!);
    labelsAt(stage).set(c.labels);
    for (const k of given) scalars[Scalar.present] += 1 << k;
    return stage;
  };

  const runStaged = ({ id }: NativePlan, stage: ArrayBuffer) => {
    if (stage instanceof ArrayBuffer && stage.byteLength >= 128) scalarsOf(stage)[Scalar.plan] = id;
    return native.runStaged(stage);
  };

  it('gives what run gives', () => {
    const stage = staged();
    expect(runStaged(plan, stage)).toBe(NativeStatus.ok);
    const c = { ...call(), ranks: null, beta: null, relevance: null, weights: null, teacherGrad: null };
    run(plan, c);
    expect(scalarsOf(stage)[Scalar.loss]).toBe(c.scalars[Scalar.loss]);
    expect([...floatsAt(stage, NativeArgument.grad)]).toEqual([...c.grad]);
  });

  it('is the plan that the stage names, whichever ran before', () => {
    const other = new native.Plan(specificationOf('kl'));
    const losses = [plan, other, plan, other, other, plan].map((p) => {
      const stage = staged();
      expect(runStaged(p, stage)).toBe(NativeStatus.ok);
      return scalarsOf(stage)[Scalar.loss];
    });
    expect(losses[0]).not.toBe(losses[1]);
    expect(losses).toEqual([0, 1, 0, 1, 1, 0].map((k) => losses[k]));
  });

  it.each([-1, NaN, Infinity, 2 ** 40])('of no plan, id %d, is refused', (id) => {
    const stage = staged();
    scalarsOf(stage)[Scalar.plan] = id;
    expect(native.runStaged(stage)).toBe(NativeStatus.type);
    expect([...floatsAt(stage, NativeArgument.grad)]).toEqual(new Array(SIZE).fill(0));
  });

  it('of a plan that never came to be leaves the id to the next', () => {
    const before = new native.Plan(specificationOf('kl')).id;
    expect(() => new native.Plan({ ...specificationOf('kl'), threads: -1 })).toThrow();
    const after = new native.Plan(specificationOf('kl'));
    expect(after.id).not.toBe(before);
    expect(runStaged(after, staged())).toBe(NativeStatus.ok);
  });

  it.each([
    ['present', -1, NativeStatus.type],
    ['present', NaN, NativeStatus.type],
    ['present', 2 ** 40, NativeStatus.type],
    ['present', 0, NativeStatus.type],
    ['present', 1 << NativeArgument.student, NativeStatus.type],
    ['present', [...given, NativeArgument.ranks].reduce((a, k) => a + (1 << k), 0), NativeStatus.type],
    [
      'present',
      [...given, NativeArgument.diagnosticRatio].reduce((a, k) => a + (1 << k), 0),
      NativeStatus.type,
    ],
    ['rankType', 6, NativeStatus.type],
    ['rankType', NaN, NativeStatus.type],
    ['studentType', 3, NativeStatus.type],
    ['queries', most, NativeStatus.shape],
    ['queries', NaN, NativeStatus.shape],
    ['queries', -1, NativeStatus.shape],
    ['docs', most + 1, NativeStatus.shape],
    ['stride', Infinity, NativeStatus.shape],
    ['stride', most, NativeStatus.size],
    ['stride', 0, NativeStatus.shape],
  ] as const)('refuses %s of %d', (name, value, status) => {
    const stage = staged();
    scalarsOf(stage)[scalarsByName[name]] = value;
    expect(runStaged(plan, stage)).toBe(status);
    expect([...floatsAt(stage, NativeArgument.grad)]).toEqual(new Array(SIZE).fill(0));
  });

  it('refuses what is no buffer of its own, or one that is too short or detached', () => {
    for (const other of [
      new ArrayBuffer(size - 1),
      new Float64Array(size),
      new SharedArrayBuffer(size),
      null,
      {},
    ])
      expect(runStaged(plan, other as never)).toBe(NativeStatus.type);
    expect((native.runStaged as () => NativeStatus)()).toBe(NativeStatus.type);
    const stage = staged();
    structuredClone(stage, { transfer: [stage] });
    expect(runStaged(plan, stage)).toBe(NativeStatus.type);
    expect(runStaged(plan, staged())).toBe(NativeStatus.ok);
  });

  it('checks the values that it reads', () => {
    const stage = staged();
    labelsAt(stage)[7] = 9;
    expect(runStaged(plan, stage)).toBe(NativeStatus.label);
    const scalars = scalarsOf(stage);
    expect([scalars[Scalar.query], scalars[Scalar.document], scalars[Scalar.value]]).toEqual([1, 2, 9]);
  });
});
