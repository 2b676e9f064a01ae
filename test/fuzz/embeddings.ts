// ckl-loss/embeddings called with anything: every similarity and form of lists, right and with something wrong; plain, prepared, in tiles and
// asynchronous. A right call gives finite numbers, a wrong one an error with a code, no byte around an array changes,
// and the next call works.
import * as embeddings from '../../lib/embeddings/index';
import { errorCodes } from '../../lib/errors';
import { CklRangeError, CklTypeError } from '../../lib/index';
import { campaign, check } from './campaign';
import { Guarded, hostile, transfer } from './memory';
import type { Random } from './random';

type Anything = Record<string, unknown>;
interface Made {
  input: Anything;
  options: Anything;
  judged: Anything;
  /** Options of a prepared loss alone. */
  prepared: Anything;
  /** Scores of a call. */
  size: number;
  shape: [number, number];
  inputs: Guarded[];
}

const api = embeddings as unknown as Record<string, (input: unknown, options: unknown) => unknown>;
interface Prepared {
  run(batch: unknown): Anything;
  runAsync(batch: unknown): Promise<Anything>;
  dispose(): void;
}
const prepare = embeddings.prepare as unknown as (loss: unknown, options: unknown) => Prepared;

function make(random: Random): Made {
  const similarity = random.pick(['dot', 'cosine', 'maxSim', 'sparse']);
  const dim = random.pick([1, 3, 16, 17, 40]);
  const [queries, docs] = [random.below(5), random.below(7)];
  const inBatch = random.chance(0.4);
  const listed = !inBatch && random.chance(0.5);
  const documents = inBatch ? docs : listed ? 1 + random.below(9) : queries * docs;
  const inputs: Guarded[] = [];
  const array = (kind: unknown, length: number, value: (i: number) => number) => {
    const made = new Guarded(random, kind, length).fill(value);
    inputs.push(made);
    return made.view;
  };
  const normal = () => random.pick([-1, 1]) * (0.1 + random.below(1000) / 500);
  const input: Anything = inBatch ? { inBatch } : { shape: [queries, docs] };
  const side = (name: 'queries' | 'documents', of: 'query' | 'document', count: number) => {
    let rows = count;
    if (similarity === 'maxSim' || similarity === 'sparse') {
      const ends = [0];
      const ids: number[] = [];
      for (let v = 0; v < count; v++) {
        const most = similarity === 'sparse' ? Math.min(dim, 4) : 5;
        const n = random.below(most + 1);
        for (let i = 0, id = random.below(dim - n + 1); i < n; i++, id++) ids.push(id);
        ends.push(ends[v] + n);
      }
      rows = ends[count];
      input[`${of}Offsets`] = array(Int32Array, count + 1, (i) => ends[i]);
      if (similarity === 'sparse') input[`${of}Ids`] = array(Int32Array, rows, (i) => ids[i]);
      else if (random.chance(0.3)) input[`${of}Mask`] = array(Uint8Array, rows, () => random.below(2));
    }
    input[name] = array(Float32Array, rows * (similarity === 'sparse' ? 1 : dim), normal);
  };
  side('queries', 'query', queries);
  side('documents', 'document', documents);
  const size = queries * docs;
  if (listed) input.candidates = array(Int32Array, size, () => random.below(documents + 1) - 1);
  const options: Anything = { similarity, dim, scale: random.pick([1, 7, -2]), threads: 1 + random.below(2) };
  if (similarity === 'maxSim') options.tokenMean = random.chance(0.5);
  const teacherDim = random.pick([0, 0, 1, 5]);
  const prepared =
    teacherDim > 0 ? { teacherEmbeddings: { dim: teacherDim, scale: random.pick([1, -3]) } } : {};
  const judged = {
    ...(teacherDim > 0
      ? {
          teacherQueries: array(Float32Array, queries * teacherDim, normal),
          teacherDocuments: array(Float32Array, documents * teacherDim, normal),
        }
      : { teacher: array(Float32Array, size, normal) }),
    labels: array(Uint8Array, size, (i) => (docs > 0 && i % docs === 0 ? 1 : random.pick([0, 0, 255]))),
  };
  return { input, options, judged, prepared, size, shape: [queries, docs], inputs };
}

const thrown = new Error('a getter of the fuzzer');

function checkError(error: unknown): void {
  if (error === thrown) return;
  const { code } = error as { code?: string };
  const own = error instanceof CklTypeError || error instanceof CklRangeError;
  if (!own || !Object.hasOwn(errorCodes, code!))
    throw new Error(`an error without a code: ${String(error)}`, { cause: error });
}

const numbers = [NaN, -1, 0, 0.5, Infinity, 2 ** 31, 2 ** 53, '3', null, true];
const names = [
  ...['queries', 'documents', 'candidates', 'shape', 'offsets', 'inBatch', 'queryOffsets', 'documentOffsets'],
  ...[
    'queryMask',
    'documentMask',
    'queryIds',
    'documentIds',
    'grad',
    'bias',
    'teacher',
    'teacherQueries',
    'teacherDocuments',
    'labels',
    'own',
    'mask',
  ],
];
const optionNames = [
  'similarity',
  'dim',
  'scale',
  'threads',
  'dims',
  'tileQueries',
  'inBatchScores',
  'tokenMean',
  'teacherEmbeddings',
];

/** Makes something wrong, or odd. */
function spoil(random: Random, made: Made, on: Anything): void {
  const anything = () => (random.chance(0.5) ? hostile(random) : random.pick(numbers));
  const array = random.pick(made.inputs);
  const way = random.below(6);
  const name = random.pick(names);
  const put = (value: unknown) =>
    Object.defineProperty(on, name, { value, configurable: true, enumerable: true });
  if (way === 0) put(anything());
  if (way === 1) made.options[random.pick(optionNames)] = anything();
  if (way === 2) Reflect.deleteProperty(on, random.pick(Object.keys(on)));
  if (way === 3) transfer(array.view);
  if (way === 4 && array.length > 0) array.view[random.below(array.length)] = random.pick([7, -5, NaN, 1e9]);
  if (way === 5) {
    const value: unknown = Object.getOwnPropertyDescriptor(on, name)?.value;
    Object.defineProperty(on, name, {
      configurable: true,
      enumerable: true,
      get() {
        if (random.chance(0.3)) throw thrown;
        if (random.chance(0.5)) transfer(array.view);
        return value;
      },
    });
  }
}

function nextCallWorks(): void {
  const two = { queries: Float32Array.of(1, 2), documents: Float32Array.of(3, 4, 5, 6), inBatch: true };
  const found = embeddings.scores(two, { dim: 2 });
  check(found[0] === 11 && found[1] === 17, 'the next call gives something else');
}

const finite = (x: unknown) => x === undefined || (x as Float32Array).every((g) => Number.isFinite(g));

void campaign('embeddings', async (random) => {
  const made = make(random);
  const right = random.chance(0.4);
  const way = random.below(4);
  const losses = ['ckl', 'kl', 'nll', 'marginMse', 'rankNet'];
  const grad = new Guarded(random, Float32Array, made.size).fill(() => random.below(9) - 4);
  made.inputs.push(grad);
  const on: Anything =
    way === 0
      ? made.input
      : way === 1
        ? { ...made.input, grad: grad.view }
        : { ...made.input, ...made.judged };
  const tiles =
    way === 2 && made.input.inBatch === true && ['dot', 'cosine'].includes(made.options.similarity as string);
  if (tiles && random.chance(0.7))
    Object.assign(made.options, { inBatchScores: 'tiles', tileQueries: 1 + random.below(3) });
  if (!right) for (let k = random.pick([1, 1, 2]); k > 0; k--) spoil(random, made, on);
  for (const array of made.inputs) array.seal();
  let op: Prepared | undefined;
  try {
    if (way === 0) {
      const found = (await api[random.pick(['scores', 'scoresAsync'])](on, made.options)) as Float32Array;
      if (right) check(found.length === made.size && !found.some(Number.isNaN), 'scores are not numbers');
    } else if (way === 1) {
      const found = (await api[random.pick(['backward', 'backwardAsync'])](on, made.options)) as Anything;
      if (right) check(finite(found.queryGrad) && finite(found.documentGrad), 'gradients are not finite');
    } else {
      op = prepare(random.pick(losses), { ...made.prepared, ...made.options, shape: made.shape });
      const found = way === 2 ? op.run(on) : await op.runAsync(on);
      // A document that is none, or has no tokens, scores -Infinity, where the teacher expects something.
      const some = made.input.candidates === undefined && made.options.similarity !== 'maxSim';
      if (right && some)
        check(finite(found.queryGrad) && finite(found.documentGrad), 'gradients are not finite');
    }
  } catch (error) {
    if (right) throw error;
    checkError(error);
  } finally {
    op?.dispose();
  }
  if (right) for (const array of made.inputs) array.verify(false);
  nextCallWorks();
});
