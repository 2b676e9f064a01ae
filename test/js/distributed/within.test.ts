// A group's own code that runs its loss again, or disposes of it, in any of a run's exchanges: it gets an error that says so, and changes no result.
import { describe, expect, it } from 'vitest';
import { prepare as prepareEmbeddings } from '../../../lib/embeddings/index';
import { type Communicator, prepare } from '../../../lib/index';
import { floats, numbers } from '../embeddings/helpers';
import { errorOf, randomBatch } from '../loss/helpers';

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
    calls: 7,
  },
  'embeddings across ranks, around the ring': {
    make: (group) => prepareEmbeddings('nll', { ...options, group, across: 'ring' }),
    batch: embeddings,
    calls: 8,
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
