// Bad input of every kind: the class, the code and the message of the error; outputs stay untouched; the next call works.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CklRangeError,
  CklTypeError,
  combine,
  CudaError,
  kl,
  prepare,
  rankBias,
  ranks,
} from '../../../lib/index';
import { errorCodes } from '../../../lib/errors';
import { NativeArgument, NativeStatus, Scalar } from '../../../lib/native/codes';
import { statusError } from '../../../lib/native/status';
import { at, bad, detached, good, labels, student } from './bad-input';
import { asyncLossOf, errorOf, expectSameResult, lossNames, lossOf, randomBatch } from './helpers';

const sentinel = -12345;

describe.each(bad)('%s', (_, loss, change, options, kind, code, message) => {
  const touched = () => {
    const own = change as Record<string, unknown>;
    const batch = good();
    const outputs = {
      grad: new Float32Array(8).fill(sentinel),
      perQuery: new Float32Array(2).fill(sentinel),
    };
    // Outputs of the case's own are part of what is wrong with it.
    const bringsOutput = ['grad', 'perQuery', 'teacherGrad'].some((name) => name in own);
    return { batch: { ...batch, ...(bringsOutput ? {} : outputs), ...own }, outputs };
  };

  it(`is a ${kind.name} with code ${code}; no output is touched and the next call works`, () => {
    const before = lossOf(loss)(good());
    const { batch, outputs } = touched();
    const error = errorOf(() => lossOf(loss)(batch, options));
    expect(error).toBeInstanceOf(kind);
    expect(error).toBeInstanceOf(kind === TypeError ? CklTypeError : CklRangeError);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect([...outputs.grad, ...outputs.perQuery].every((v) => v === sentinel)).toBe(true);
    expectSameResult(lossOf(loss)(good()), before);
  });

  it('rejects in the asynchronous form', async () => {
    const { batch, outputs } = touched();
    const own = change as Record<string, unknown>;
    const inputs = { ...batch, grad: undefined, perQuery: undefined };
    if (['grad', 'perQuery', 'teacherGrad'].some((name) => name in own)) return;
    const error = await asyncLossOf(loss)(inputs, options).then(
      () => expect.fail('resolved'),
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(kind);
    expect(error.code).toBe(code);
    expect([...outputs.grad].every((v) => v === sentinel)).toBe(true);
  });
});

describe('errors of the batch itself', () => {
  it.each([[undefined], [null], [5], ['batch']])('a batch that is %s', (batch) => {
    const error = errorOf(() => lossOf('kl')(batch));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_CKL_TYPE', message: expect.stringMatching(/batch is/) });
  });

  it('leaves the caller’s prefilled outputs alone when a value deep in the batch is wrong', () => {
    for (const name of lossNames) {
      const batch = randomBatch({ seed: 9, queries: 300, docs: 16 });
      batch.labels[299 * 16 + 15] = 9;
      const grad = new Float32Array(4800).fill(sentinel);
      const perQuery = new Float32Array(300).fill(sentinel);
      const error = errorOf(() => lossOf(name)({ ...batch, grad, perQuery }));
      expect(error.message, name).toMatch(/labels at query 299, document 15, is 9/);
      expect([...grad, ...perQuery].every((v) => v === sentinel)).toBe(true);
    }
  });
});

describe('errors of terms', () => {
  const terms: [string, unknown, RegExp][] = [
    ['no terms', undefined, /terms has 0 entries|terms is undefined/],
    ['an empty list', [], /terms has 0 entries/],
    ['nine terms', Array(9).fill({ loss: 'kl' }), /terms has 9 entries; .* 1 to 8/],
    ['text', 'kl', /terms is 'kl'/],
    ['a term that is no object', ['kl'], /terms\[0\] is 'kl'/],
    ['an unknown loss', [{ loss: 'kll' }], /terms\[0\]\.loss is 'kll' \(did you mean "kl"\?\)/],
    ['a name of every object', [{ loss: 'toString' }], /terms\[0\]\.loss is 'toString'/],
    [
      'a parameter of another loss',
      [{ loss: 'kl' }, { loss: 'kl', gamma: 5 }],
      /terms\[1\] \(kl\) takes no option gamma/,
    ],
    ['a weight that is no number', [{ loss: 'kl', weight: '1' }], /terms\[0\]\.weight is '1'/],
    ['an infinite weight', [{ loss: 'kl', weight: Infinity }], /terms\[0\]\.weight is Infinity/],
    ['an alpha too large', [{ loss: 'ckl', gamma: 1, alpha: 1 }], /terms\[0\]\.alpha is 1/],
  ];
  it.each(terms)('%s', (_, list, message) => {
    const error = errorOf(() => combine(good(), list as never));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('ERR_CKL_OPTION');
  });

  it('gamma beside the terms', () => {
    const error = errorOf(() => combine(good(), [{ loss: 'ckl' }], { gamma: 5 } as never));
    expect(error.message).toMatch(/combine takes no option gamma/);
  });

  it('pairMean without a lambdaMrr term', () => {
    const error = errorOf(() => combine(good(), [{ loss: 'ckl' }], { pairMean: 'batch' }));
    expect(error.message).toMatch(/combine takes no option pairMean/);
  });

  it('a cached plan does not hide a bad term', () => {
    combine(good(), [{ loss: 'kl', weight: 2 }]);
    expect(errorOf(() => combine(good(), [{ loss: 'kl', weight: 2, gama: 1 } as never])).message).toMatch(
      /gama/,
    );
    expect(errorOf(() => combine(good(), [null as never])).message).toMatch(/terms\[0\] is null/);
  });
});

describe('a cached plan does not hide a bad option', () => {
  it('of a plain function', () => {
    kl(good(), { gradScale: 2 });
    expect(errorOf(() => kl(good(), { gradScale: 2, gama: 1 } as never)).message).toMatch(/gama/);
    expect(errorOf(() => kl(good(), { gradScale: 2, signal: 1 } as never)).message).toMatch(/signal/);
  });
});

describe('errors of ranks and rankBias', () => {
  const layout = { shape: [2, 4] as [number, number] };
  const bias = { ...layout, ranks: new Uint8Array(8).fill(2), labels };
  const cases: [string, () => unknown, string, RegExp][] = [
    [
      'ranks of doubles',
      () => ranks({ ...layout, student: new Float64Array(8) as never }),
      'ERR_CKL_TYPE',
      /student is a Float64Array/,
    ],
    [
      'ranks of too few scores',
      () => ranks({ ...layout, student: new Float32Array(7) }),
      'ERR_CKL_SHAPE',
      /student has 7/,
    ],
    [
      'ranks with short labels',
      () => ranks({ ...layout, student, labels: new Uint8Array(2) }),
      'ERR_CKL_SHAPE',
      /labels has 2/,
    ],
    [
      'ranks with a bad label',
      () => ranks({ ...layout, student, labels: at(labels, 2, 9) as Uint8Array }),
      'ERR_CKL_LABEL',
      /query 0, document 2, is 9/,
    ],
    [
      'ranks of a misspelt batch',
      () => ranks({ ...layout, students: student } as never),
      'ERR_CKL_OPTION',
      /did you mean "student"/,
    ],
    [
      'ranks with bad offsets',
      () => ranks({ student, offsets: Int32Array.of(0, 5, 2, 8) }),
      'ERR_CKL_OFFSETS',
      /offsets/,
    ],
    [
      'ranks of a detached student',
      () => ranks({ ...layout, student: detached(student.slice()) }),
      'ERR_CKL_BUFFER',
      /detached/,
    ],
    [
      'rankBias of a rank of 0',
      () => rankBias({ ...bias, ranks: new Uint8Array(8) }),
      'ERR_CKL_RANK',
      /is 0/,
    ],
    [
      'rankBias of doubles',
      () => rankBias({ ...bias, ranks: new Float64Array(8) as never }),
      'ERR_CKL_TYPE',
      /ranks is a Float64Array/,
    ],
    [
      'rankBias without labels',
      () => rankBias({ ...bias, labels: undefined as never }),
      'ERR_CKL_TYPE',
      /labels is missing/,
    ],
    ['rankBias with a negative alpha', () => rankBias(bias, { alpha: -1 }), 'ERR_CKL_OPTION', /alpha is -1/],
    [
      'rankBias with alpha as text',
      () => rankBias(bias, { alpha: '1' as never }),
      'ERR_CKL_OPTION',
      /alpha is '1'/,
    ],
  ];
  it.each(cases)('%s', (_, action, code, message) => {
    const error = errorOf(action);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});

describe('what the addon can report and these functions catch before it', () => {
  const stats = new Float64Array(8);
  stats[Scalar.argument] = NativeArgument.student;
  stats[Scalar.value] = 5;
  stats[Scalar.required] = 8;
  it.each([
    [NativeStatus.type, TypeError, 'ERR_CKL_TYPE', /student is not the typed array/],
    [NativeStatus.size, RangeError, 'ERR_CKL_SHAPE', /student has 5 elements; the batch needs at least 8/],
    [NativeStatus.memory, RangeError, 'ERR_CKL_MEMORY', /could not allocate 5 bytes/],
    [NativeStatus.shape, RangeError, 'ERR_CKL_SHAPE', /too large to be addressed/],
  ])('status %i', (status, kind, code, message) => {
    const error = statusError(status, stats);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('CudaError carries CUDA’s own name', () => {
    const error = new CudaError('cudaErrorMemoryAllocation', 'out of memory');
    expect(error).toMatchObject({
      name: 'CudaError',
      code: 'ERR_CKL_CUDA',
      cudaName: 'cudaErrorMemoryAllocation',
    });
    expect(error.message).toBe('cudaErrorMemoryAllocation: out of memory');
  });
});

describe('errors of prepare', () => {
  const cases: [string, () => unknown, string, RegExp][] = [
    ['no options', () => prepare('kl', undefined as never), 'ERR_CKL_OPTION', /prepare needs \{ shape/],
    ['no shape', () => prepare('kl', {} as never), 'ERR_CKL_SHAPE', /shape is undefined/],
    ['a negative shape', () => prepare('kl', { shape: [-1, 4] }), 'ERR_CKL_SHAPE', /-1/],
    [
      'an unknown loss',
      () => prepare('ckll' as 'ckl', { shape: [1, 1] }),
      'ERR_CKL_OPTION',
      /loss is 'ckll' \(did you mean "ckl"\?\)/,
    ],
    [
      'a loss that is no text',
      () => prepare(5 as unknown as 'ckl', { shape: [1, 1] }),
      'ERR_CKL_OPTION',
      /loss is 5/,
    ],
    [
      'an option of another loss',
      () => prepare('kl', { shape: [1, 1], gamma: 5 } as never),
      'ERR_CKL_OPTION',
      /kl takes no option gamma/,
    ],
    [
      'terms for one loss',
      () => prepare('kl', { shape: [1, 1], terms: [] } as never),
      'ERR_CKL_OPTION',
      /kl takes no option terms/,
    ],
    [
      'a sum without terms',
      () => prepare('combine', { shape: [1, 1] } as never),
      'ERR_CKL_OPTION',
      /terms has 0 entries/,
    ],
    [
      'teacherGrad of nll',
      () => prepare('nll', { shape: [1, 1], teacherGrad: true }),
      'ERR_CKL_OPTION',
      /does not read the teacher/,
    ],
  ];
  it.each(cases)('%s', (_, action, code, message) => {
    const error = errorOf(action);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});

describe('docs/errors.md', () => {
  const lib = join(__dirname, '../../../lib');
  const text = readFileSync(join(__dirname, '../../../docs/errors.md'), 'utf8');
  const [ofLosses, ofOthers] = text
    .split('## Errors of the other modules')
    .map((part) => [...part.matchAll(/^\| `(ERR_CKL_[A-Z]+)` \|/gm)].map((match) => match[1]));

  it('lists exactly the codes of the losses, in their order', () => {
    expect(ofLosses).toEqual(Object.keys(errorCodes));
  });

  it('lists every code in the sources, and no other', () => {
    const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(100);
    const used = files.flatMap((name) =>
      [...readFileSync(join(lib, name), 'utf8').matchAll(/ERR_CKL_[A-Z]+/g)].map(([code]) => code),
    );
    expect([...new Set(used)].sort()).toEqual([...ofLosses, ...ofOthers].sort());
  });
});
