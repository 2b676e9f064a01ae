// The native plan called directly, past the checks of TypeScript: every argument that is too short or of another type is refused, nothing written.
import { beforeEach, describe, expect, it } from 'vitest';
import { NativeArgument, NativeStatus, Scalar } from '../../../lib/native/codes';
import { native } from '../../../lib/native/native';
import { call, type Call, DOCS, expectUntouched, MARK, marked, QUERIES, run, SIZE } from './plan-call';
import { specificationOf } from './specification';

let plan: InstanceType<typeof native.Plan>;
beforeEach(() => {
  plan = new native.Plan(specificationOf());
});

describe('arrays of just the length', () => {
  it('are enough, and every output is written to its end', () => {
    const c = call();
    expect(run(plan, c)).toBe(NativeStatus.ok);
    expect(c.scalars[Scalar.counted]).toBe(QUERIES);
    for (const output of [c.grad, c.perQuery, c.teacherGrad!, ...c.diagnostics])
      expect([...output].filter((value) => value === MARK)).toEqual([]);
  });
});

type ArrayName = Exclude<keyof Call, 'scalars' | 'diagnostics' | 'offsets'>;
const perDocument: [ArrayName, NativeArgument][] = [
  ['student', NativeArgument.student],
  ['teacher', NativeArgument.teacher],
  ['labels', NativeArgument.labels],
  ['ranks', NativeArgument.ranks],
  ['beta', NativeArgument.beta],
  ['relevance', NativeArgument.relevance],
  ['grad', NativeArgument.grad],
  ['teacherGrad', NativeArgument.teacherGrad],
];
const perQuery: [ArrayName, NativeArgument][] = [
  ['weights', NativeArgument.weights],
  ['perQuery', NativeArgument.perQuery],
];

describe('an array that is one element short', () => {
  it.each([...perDocument, ...perQuery])('%s', (name, argument) => {
    const c = call();
    const needed = c[name]!.length;
    Object.assign(c, { [name]: c[name]!.subarray(1) });
    expect(run(plan, c)).toBe(NativeStatus.size);
    expect(c.scalars[Scalar.argument]).toBe(argument);
    expect([c.scalars[Scalar.value], c.scalars[Scalar.required]]).toEqual([needed - 1, needed]);
    expectUntouched(c);
    expect(run(plan, call())).toBe(NativeStatus.ok);
  });

  it.each([0, 1, 2, 3, 4])('diagnostics %i', (place) => {
    const c = call();
    c.diagnostics[place] = c.diagnostics[place].subarray(1);
    expect(run(plan, c)).toBe(NativeStatus.size);
    expect(c.scalars[Scalar.argument]).toBe(NativeArgument.diagnosticWeight + place);
    expect(c.scalars[Scalar.required]).toBe(place < 2 ? SIZE : QUERIES);
    expectUntouched(c);
  });

  it.each(perDocument)('%s, where offsets say how far the batch goes', (name, argument) => {
    const c = call();
    c.offsets = Int32Array.of(0, 5, 9, SIZE);
    expect(run(plan, c)).toBe(NativeStatus.ok);
    const short = { ...call(), offsets: c.offsets };
    Object.assign(short, { [name]: short[name]!.subarray(1) });
    // The end of the last row lies past the student: then it is the offset that is wrong.
    const expected = name === 'student' ? NativeStatus.offset : NativeStatus.size;
    expect(run(plan, short)).toBe(expected);
    expect(short.scalars[Scalar.argument]).toBe(name === 'student' ? NativeArgument.offsets : argument);
    expectUntouched(short);
  });

  it('offsets', () => {
    const c = { ...call(), offsets: Int32Array.of(0, 5, 9) };
    expect(run(plan, c)).toBe(NativeStatus.size);
    expect(c.scalars[Scalar.argument]).toBe(NativeArgument.offsets);
    expect(c.scalars[Scalar.required]).toBe(QUERIES + 1);
    expectUntouched(c);
  });

  it('the scalars: there is no place to say so, and none is written', () => {
    for (const length of [15, 3, 0]) {
      const whole = new Float64Array(16).fill(MARK);
      whole.set(call().scalars.subarray(0, length));
      const c = { ...call(), scalars: whole.subarray(0, length) };
      expect(run(plan, c)).toBe(NativeStatus.type);
      expectUntouched(c);
      expect(whole.subarray(length).every((value) => value === MARK)).toBe(true);
    }
  });

  it('the scalars of ranks and rank bias', () => {
    const { student, labels, ranks } = call();
    for (const length of [15, 3]) {
      const whole = new Float64Array(16).fill(MARK);
      const scalars = whole.subarray(0, length);
      const out = new Uint32Array(SIZE).fill(MARK);
      expect(native.ranks(student, 0, labels, QUERIES, DOCS, DOCS, null, out, scalars)).not.toBe(
        NativeStatus.ok,
      );
      const bias = marked(SIZE);
      expect(native.rankBias(ranks!, labels, QUERIES, DOCS, DOCS, null, 1, bias, scalars)).not.toBe(
        NativeStatus.ok,
      );
      for (const values of [whole, out, bias]) expect(values.every((value) => value === MARK)).toBe(true);
    }
  });

  it.each(perDocument)('%s of a batch with gaps needs no more than the last row', (name, argument) => {
    const strided = () => {
      const c = call();
      // Two rows of five, seven apart: twelve elements.
      c.scalars[Scalar.queries] = 2;
      c.scalars[Scalar.stride] = 7;
      return c;
    };
    const fits = strided();
    Object.assign(fits, { [name]: fits[name]!.subarray(0, 12) });
    expect(run(plan, fits)).toBe(NativeStatus.ok);
    const short = strided();
    Object.assign(short, { [name]: short[name]!.subarray(0, 11) });
    expect(run(plan, short)).toBe(NativeStatus.size);
    expect(short.scalars[Scalar.argument]).toBe(argument);
    expect(short.scalars[Scalar.required]).toBe(12);
    expectUntouched(short);
  });
});

describe('on a thread of the pool', () => {
  it.each([...perDocument, ...perQuery])('a short %s is refused as well', async (name, argument) => {
    const c = call();
    Object.assign(c, { [name]: c[name]!.subarray(1) });
    const args = Object.values(c) as Parameters<typeof plan.run>;
    expect(await plan.runAsync(...args, null)).toBe(NativeStatus.size);
    expect(c.scalars[Scalar.argument]).toBe(argument);
    expectUntouched(c);
  });

  it('an abort flag that is none is refused', async () => {
    const c = call();
    const args = Object.values(c) as Parameters<typeof plan.run>;
    expect(await plan.runAsync(...args, new Int32Array(1) as never)).toBe(NativeStatus.type);
    expectUntouched(c);
    expect(await plan.runAsync(...args, null)).toBe(NativeStatus.ok);
    expect(c.grad).not.toContain(MARK);
  });

  it('an abort flag that is set before the work begins leaves every output as it was', async () => {
    const c = call();
    const args = Object.values(c) as Parameters<typeof plan.run>;
    const flag = new native.AbortFlag();
    flag.set();
    expect(await plan.runAsync(...args, flag)).toBe(NativeStatus.aborted);
    expectUntouched(c);
  });
});

describe('an array of another type', () => {
  it.each([
    ['student', new Uint8Array(SIZE), NativeArgument.student],
    ['student', new Uint16Array(SIZE), NativeArgument.student],
    ['teacher', new Float64Array(SIZE), NativeArgument.teacher],
    ['teacher', null, NativeArgument.teacher],
    ['labels', new Float32Array(SIZE), NativeArgument.labels],
    ['labels', new Int8Array(SIZE), NativeArgument.labels],
    ['offsets', new Uint32Array(QUERIES + 1), NativeArgument.offsets],
    ['ranks', new Int16Array(SIZE), NativeArgument.ranks],
    ['beta', new Float64Array(SIZE), NativeArgument.beta],
    ['relevance', new Uint8Array(SIZE), NativeArgument.relevance],
    ['weights', new Float64Array(QUERIES), NativeArgument.weights],
    ['grad', new Float64Array(SIZE).fill(MARK), NativeArgument.grad],
    ['perQuery', new Float64Array(QUERIES).fill(MARK), NativeArgument.perQuery],
    ['teacherGrad', new Uint16Array(SIZE).fill(MARK), NativeArgument.teacherGrad],
  ] as const)('%s as %o', (name, array, argument) => {
    const c = { ...call(), [name]: array } as Call;
    expect(run(plan, c)).toBe(NativeStatus.type);
    expect(c.scalars[Scalar.argument]).toBe(argument);
    expectUntouched(c);
    expect(run(plan, call())).toBe(NativeStatus.ok);
  });

  it.each([Scalar.studentType, Scalar.teacherType, Scalar.gradType])('type code %i out of range', (place) => {
    for (const code of [3, -1, NaN]) {
      const c = call();
      c.scalars[place] = code;
      expect(run(plan, c)).toBe(NativeStatus.type);
      expectUntouched(c);
    }
  });

  it.each([Scalar.studentType, Scalar.teacherType, Scalar.gradType])(
    'type code %i of two and a half',
    (place) => {
      const halves = () => {
        const c = call();
        for (const name of ['student', 'teacher', 'grad', 'teacherGrad'] as const)
          Object.assign(c, { [name]: new Uint16Array(SIZE) });
        for (const type of [Scalar.studentType, Scalar.teacherType, Scalar.gradType]) c.scalars[type] = 2;
        return c;
      };
      expect(run(plan, halves())).toBe(NativeStatus.ok);
      const c = halves();
      c.scalars[place] = 2.5;
      expect(run(plan, c)).toBe(NativeStatus.type);
    },
  );
});

describe('a layout that cannot be', () => {
  it.each([
    ['queries', Scalar.queries, -1],
    ['queries', Scalar.queries, NaN],
    ['queries', Scalar.queries, 2 ** 53],
    ['queries', Scalar.queries, -0.5],
    ['docs', Scalar.docs, -1],
    ['docs', Scalar.docs, -0.5],
    ['stride', Scalar.stride, -0.5],
    ['docs', Scalar.docs, 2 ** 53],
    ['stride', Scalar.stride, DOCS - 1],
    ['stride', Scalar.stride, 2 ** 52],
  ] as const)('%s (scalar %i) of %f', (_, place, value) => {
    const c = call();
    c.scalars[place] = value;
    expect([NativeStatus.shape, NativeStatus.size]).toContain(run(plan, c));
    expectUntouched(c);
  });

  it.each([
    [Int32Array.of(1, 0, 9, SIZE), 1, 0],
    [Int32Array.of(-1, 5, 9, SIZE), 0, -1],
    [Int32Array.of(0, 5, 9, SIZE + 1), 3, SIZE + 1],
    [Int32Array.of(0, 5, SIZE, 9), 3, 9],
  ])('offsets %o', (offsets, query, value) => {
    const c = { ...call(), offsets };
    expect(run(plan, c)).toBe(NativeStatus.offset);
    expect([c.scalars[Scalar.query], c.scalars[Scalar.value]]).toEqual([query, value]);
    expectUntouched(c);
  });
});

describe('a specification', () => {
  it.each([
    ['no term', { terms: [] }],
    ['nine terms', { terms: Array.from({ length: 9 }, () => specificationOf('kl').terms[0]) }],
    ['a weight of NaN', { terms: [{ ...specificationOf('kl').terms[0], weight: NaN }] }],
    ['gamma below 1', { terms: [{ ...specificationOf('ckl').terms[0], gamma: 0.5, alpha: 0 }] }],
    ['a negative alpha', { terms: [{ ...specificationOf('ckl').terms[0], alpha: -1 }] }],
    ['alpha above gamma - 1', { terms: [{ ...specificationOf('ckl').terms[0], gamma: 2, alpha: 1.5 }] }],
    ['a negative lambda', { terms: [{ ...specificationOf('bkl').terms[0], lambda: -1 }] }],
    ['an infinite nllWeight', { terms: [{ ...specificationOf('klLogL').terms[0], nllWeight: 1e39 }] }],
    ['no student temperature', { studentTemperature: 0 }],
    ['an infinite teacher temperature', { teacherTemperature: Infinity }],
    ['a gradient scale of NaN', { gradScale: NaN }],
    ['negative threads', { threads: -1 }],
    ['too many threads', { threads: 1025 }],
    ['an instruction set that no machine has', { cpuTarget: 'abacus' }],
  ])('with %s is refused, and the plan stays what it was', (_, change) => {
    expect(() => new native.Plan({ ...specificationOf(), ...change })).toThrow(RangeError);
    const c = call();
    run(plan, c);
    expect(() => plan.configure({ ...specificationOf(), ...change })).toThrow(RangeError);
    const before = c.grad.slice();
    c.grad.fill(MARK);
    expect(run(plan, c)).toBe(NativeStatus.ok);
    expect([...c.grad]).toEqual([...before]);
  });

  it('with a loss that there is not is refused', () => {
    expect(() => new native.Plan(specificationOf('klx'))).toThrow(TypeError);
  });
});
