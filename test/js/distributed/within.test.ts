// A group's own code that runs its loss again, or disposes of it, in any of a run's exchanges: it gets an error that says so, and changes no
// result. If it disposes of the loss on one rank, the other ranks are told so instead of waiting for it.
import { describe, expect, it } from 'vitest';
import { prepare as prepareEmbeddings } from '../../../lib/embeddings/index';
import { type Communicator, prepare } from '../../../lib/index';
import { floats, numbers } from '../embeddings/helpers';
import { errorOf, randomBatch } from '../loss/helpers';
import { team } from './team';

/** What a test sees of any prepared loss. */
interface Loss {
  run(batch: never): object;
  dispose(): void;
}

const [queries, documents, dim] = [2, 3, 4];
const shape = [queries, documents] as const;
const scores = (seed: number) => randomBatch({ seed, queries, docs: documents });
function embeddings(seed: number) {
  const next = numbers(seed);
  return {
    ...{ queries: floats(queries * dim, next), documents: floats(documents * dim, next) },
    own: Int32Array.of(0, 2),
    labels: Uint8Array.of(1, 1),
  };
}

const options = { dim, shape, inBatch: true };
const kinds: Record<
  string,
  { make: (group: Communicator) => Loss; batch: (seed: number) => object; calls: number }
> = {
  'queries of scores': { make: (group) => prepare('kl', { shape, group }), batch: scores, calls: 2 },
  'documents of scores': {
    make: (group) => prepare('ckl', { shape, shard: { group, begin: 0, documents } }),
    batch: scores,
    calls: 5,
  },
  'queries of embeddings': {
    make: (group) => prepareEmbeddings('nll', { ...options, group }),
    batch: embeddings,
    calls: 2,
  },
  'queries of embeddings in several dimensions': {
    make: (group) => prepareEmbeddings('nll', { ...options, dims: [2, dim], group }),
    batch: embeddings,
    calls: 4,
  },
  'embeddings across ranks, gathered': {
    make: (group) => prepareEmbeddings('nll', { ...options, group, across: 'gather' }),
    batch: embeddings,
    calls: 8,
  },
  'embeddings across ranks, around the ring': {
    make: (group) => prepareEmbeddings('nll', { ...options, group, across: 'ring' }),
    batch: embeddings,
    calls: 9,
  },
};

describe.each(Object.entries(kinds))('%s', (_, { make, batch, calls }) => {
  /** A loss of a group whose methods `act` before they answer: in the exchange of that number. */
  function withActs() {
    let [call, at, act] = [0, -1, (): void => undefined];
    const answer = (values: Float64Array): Float64Array => {
      if (call++ === at) act();
      return values.slice();
    };
    const group = { rank: 0, size: 1, allGather: answer, broadcast: answer };
    const loss = make(group as unknown as Communicator);
    const run = (seed = 1) => structuredClone(loss.run(batch(seed) as never));
    const runWith = (exchange: number, action: () => void) => {
      [call, at, act] = [0, exchange, action];
      return run();
    };
    return { loss, run, runWith, exchanges: () => (runWith(-1, () => undefined), call) };
  }
  const places = Array.from({ length: calls }, (_, place) => place);

  it('has the exchanges that the tests below act in', () => {
    expect(withActs().exchanges()).toBe(calls);
  });

  it.each(places)('run again in exchange %i throws, and the next run works', (place) => {
    const { run, runWith } = withActs();
    const expected = run();
    expect(errorOf(() => runWith(place, () => void run(2)))).toMatchObject({
      code: 'ERR_CKL_GROUP',
      message: expect.stringContaining('runs already') as string,
    });
    expect(runWith(-1, () => undefined)).toEqual(expected);
  });

  it.each(places)('run again in exchange %i by code that ignores the error has its results', (place) => {
    const { run, runWith } = withActs();
    const expected = run();
    expect(runWith(place, () => void errorOf(() => run(2)))).toEqual(expected);
  });

  it.each(places)('disposed of in exchange %i throws', (place) => {
    const { loss, runWith } = withActs();
    expect(errorOf(() => runWith(place, () => loss.dispose()))).toMatchObject({ code: 'ERR_CKL_DISPOSED' });
  });
});

/** Lists of more than a block of queries: the exchanges of the second follow steps of the first. */
const [rows, width] = [40, 4096];
const scoresOfRank = `{
  student: new Float32Array(${rows * width}).fill(1),
  teacher: Float32Array.from({ length: ${rows * width} }, (_, k) => k % 7),
  labels: new Uint8Array(${rows * width}).fill(1),
}`;
const embeddingsOfRank = `{
  queries: Float32Array.from({ length: 8 }, (_, k) => k % 5),
  documents: Float32Array.from({ length: 12 }, (_, k) => k % 7),
  own: Int32Array.of(0, 2),
  labels: Uint8Array.of(1, 1),
}`;

/** [in words, what prepares a loss, a batch] */
const ofScores: [string, string, string][] = [
  ['queries of scores', `prepare('kl', { shape: [${rows}, ${width}], group })`, scoresOfRank],
  ...['kl', 'ckl'].map((loss): [string, string, string] => [
    `documents of scores, ${loss}`,
    `prepare('${loss}', { shape: [${rows}, ${width}], shard: { group, begin: ${width} * rank, documents: ${3 * width} } })`,
    scoresOfRank,
  ]),
];
const ofEmbeddings = [
  ['queries of embeddings', ''],
  ['queries of embeddings in several dimensions', 'dims: [2, 4],'],
  ['embeddings across ranks, gathered', "across: 'gather', scaleGrad: true,"],
  ['embeddings across ranks, around the ring', "across: 'ring', scaleGrad: true,"],
].map(([name, more]): [string, string, string] => [
  name,
  `within('ckl-loss/embeddings').prepare('nll', { dim: 4, shape: [2, 9], inBatch: true, ${more} group })`,
  embeddingsOfRank,
]);

/** A rank of three runs a loss once for every exchange of a run; in that exchange rank 1 disposes of it. */
const disposing = (prepared: string, batch: string) => `(joined, input, within) => {
  const { rank, size } = joined;
  const { prepare } = within('ckl-loss');
  let [call, at, loss] = [0, -1, null];
  const exchange = (method) => (...args) => {
    if (call++ === at) loss.dispose();
    return joined[method](...args);
  };
  const group = { rank, size, ...Object.fromEntries(['allGather', 'broadcast', 'sendReceive'].map((name) => [name, exchange(name)])) };
  const run = (place) => {
    [call, at] = [0, -1];
    try {
      loss = ${prepared};
      [call, at] = [0, rank === 1 ? place : -1];
      return loss.run(${batch}).counted;
    } catch (error) { return error.code + ': ' + error.message; }
  };
  const counted = run(-1);
  return [counted, ...Array.from({ length: call }, (_, place) => run(place))];
}`;

describe('disposed of on one rank', () => {
  /** What the other ranks find in every exchange; rank 1 always finds that it disposed of its loss. */
  async function othersFind(prepared: string, batch: string) {
    const [first, second, third] = await team<(number | string)[]>(3, disposing(prepared, batch), undefined, {
      timeout: 20_000,
    });
    const [counted, ...found] = first;
    expect(found.length).toBeGreaterThan(1);
    expect(third).toEqual(first);
    expect(second[0]).toBe(counted);
    for (const one of second.slice(1)) expect(one).toMatch(/^ERR_CKL_DISPOSED: /);
    return { counted, found };
  }

  it.each(ofScores)('%s: the others throw', async (_, prepared, batch) => {
    const { counted, found } = await othersFind(prepared, batch);
    // After the last exchange there is no rank left to tell, and none that waits.
    expect(found.pop()).toBe(counted);
    for (const one of found) expect(one).toMatch(/^ERR_CKL_GROUP: rank 1 /);
  });

  it.each(ofEmbeddings)('%s: the run ends first', async (_, prepared, batch) => {
    const { counted, found } = await othersFind(prepared, batch);
    for (const one of found) expect(one).toBe(counted);
  });
});
