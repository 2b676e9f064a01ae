// A rank that fails alone, in any step of a run or in prepare: the other ranks are told so instead of waiting for it, and the next call works.
import { describe, expect, it } from 'vitest';
import { team } from './team';

/** [in words, what prepares a loss, a batch, whether the others can have their results before the last steps of rank 1] */
type Kind = [name: string, prepared: string, batch: string, endsAlone: boolean];

const embeddings = `{
  queries: Float32Array.from({ length: 8 }, (_, k) => k % 5),
  documents: Float32Array.from({ length: 12 }, (_, k) => k % 7),
  own: Int32Array.of(0, 2),
  labels: Uint8Array.of(1, 1),
  bias: Float32Array.of(0, 1, 2),
}`;
const broadcasting =
  '{ rank, size: group.size, allGather: (x) => group.allGather(x), broadcast: (x, root) => group.broadcast(x, root) }';
const ofEmbeddings = [
  ['queries of embeddings', ''],
  ["queries of embeddings, reduction 'none'", "reduction: 'none',"],
  ['queries of embeddings in several dimensions', 'dims: [2, 4, 3],'],
  ["queries of embeddings in several dimensions, reduction 'none'", "dims: [2, 4], reduction: 'none',"],
  ['embeddings across ranks, gathered', "across: 'gather', scaleGrad: true,"],
  ["embeddings across ranks, gathered, reduction 'none'", "across: 'gather', reduction: 'none',"],
  ['embeddings across ranks, around the ring', "across: 'ring', scaleGrad: true,"],
  ["embeddings across ranks, around the ring, reduction 'none'", "across: 'ring', reduction: 'none',"],
  ['embeddings across ranks, by broadcasts', `across: 'ring', group: ${broadcasting},`],
].map(([name, more]): Kind => {
  const options = `{ dim: 4, shape: [2, 9], inBatch: true, group, ${more} }`;
  const prepared = `within('ckl-loss/embeddings').prepare('nll', ${options})`;
  return [name, prepared, embeddings, !name.includes('across')];
});

const documents = `{
  student: Float32Array.from({ length: 400 }, (_, k) => k % 5),
  teacher: Float32Array.from({ length: 400 }, (_, k) => k % 7),
  labels: new Uint8Array(400).fill(1),
}`;
const ofDocuments = ['kl', 'ckl'].map((loss): Kind => {
  const shard = '{ group, begin: 40 * group.rank, documents: 120 }';
  const prepared = `within('ckl-loss').prepare('${loss}', { shape: [10, 40], shard: ${shard} })`;
  return [`documents of scores, ${loss}`, prepared, documents, true];
});

/** Counts what a run calls, and lets one call fail: functions of the addon, or allocations of arrays. */
const counting = {
  native: `
    const [{ exports: addon }] = Object.values(within.cache).filter(({ filename }) => filename.endsWith('.node'));
    for (const [{ prototype }, names] of [[addon.Scoring, ['scores', 'backward']], [addon.Plan, ['countShare', 'runShare', 'shardStep']]]) {
      for (const name of names) {
        const native = prototype[name];
        prototype[name] = function (...args) {
          if (call++ === at) throw new Error('this call fails');
          return native.apply(this, args);
        };
      }
    }`,
  allocations: (type: string, which: string) => `
    globalThis.${type} = new Proxy(${type}, {
      construct(Made, args, New) {
        const [length] = args;
        if (typeof length === 'number' && ${which} && call++ === at) throw new RangeError('this call fails');
        return Reflect.construct(Made, args, New);
      },
    });`,
};

/** A rank of three runs a loss once for each call of a run; on rank 1 that call fails, and the run after it has no failure. */
const body = (counter: string, prepared: string, batch: string) => `(group, input, within) => {
  const { rank } = group;
  const loss = ${prepared};
  let [call, at] = [0, -1];
  const given = ${batch};
  ${counter}
  const run = (place) => {
    [call, at] = [0, rank === 1 ? place : -1];
    try {
      const { loss: value, grad, queryGrad, documentGrad } = loss.run(given);
      return JSON.stringify([value, grad, queryGrad, documentGrad].map((x) => x && (typeof x === 'number' ? x : [...x])));
    } catch (error) { return error.code + ': ' + error.message; }
  };
  run(-1);
  const expected = run(-1);
  const [calls] = group.broadcast(Float64Array.of(call), 1);
  return { expected, found: Array.from({ length: calls }, (_, place) => ({ failed: run(place), after: run(-1) })) };
}`;

interface Found {
  expected: string;
  found: { failed: string; after: string }[];
}

const across = ofEmbeddings.filter(([name]) => name.includes('across'));
describe.each([
  ['a native function', counting.native, [...ofEmbeddings, ...ofDocuments]],
  // The other kinds reuse their arrays from run to run.
  ['an allocation', counting.allocations('Float32Array', 'true'), across],
  // The scores of a rank, 10 x 40 with two numbers before them, from which all ranks compute competition ranks.
  [
    'the message of scores',
    counting.allocations('Float64Array', 'length === 402'),
    [[...ofDocuments[1].slice(0, 3), false] as Kind],
  ],
] as const)('%s fails on one rank', (_, counter, kinds) => {
  it.each(kinds)('%s: the others throw, and the next run works', async (_, prepared, batch, endsAlone) => {
    const ranks = await team<Found>(3, body(counter, prepared, batch), undefined, { timeout: 20_000 });
    const [first, second, third] = ranks;
    expect(second.expected).toMatch(/^\[/);
    expect(second.found.length).toBeGreaterThan(0);
    for (const { expected, found } of ranks) for (const { after } of found) expect(after).toBe(expected);
    for (const { failed } of second.found)
      expect(failed).toMatch(/^(undefined: this call fails$|ERR_CKL_MEMORY: )/);
    const told = /^ERR_CKL_GROUP: rank 1 (refused its batch|failed while it computed)/;
    for (const { expected, found } of [first, third]) {
      const alone = found.map(({ failed }) => failed === expected);
      // Only after the last exchange, when there is no rank left to tell and none that waits.
      const firstAlone = alone.includes(true) ? alone.indexOf(true) : alone.length;
      expect(alone.slice(firstAlone)).not.toContain(false);
      expect(firstAlone < alone.length).toBe(endsAlone);
      for (const { failed } of found.slice(0, firstAlone)) expect(failed).toMatch(told);
    }
  });
});

describe('options that prepare rejects on one rank', () => {
  /** Each rank prepares with every one of the options, which rank 1 has alone, and in the end all prepare alike and run. */
  const preparing = (prepare: string, own: string, batch: string) => `(group, input, within) => {
    const { prepare } = within('${prepare}');
    const attempt = (action) => { try { return action(); } catch (error) { return error.code + ': ' + error.message; } };
    const tried = ${own};
    const alike = tried.shift();
    const of = (options) => {
      const { loss = 'nll', ...rest } = { ...alike, ...options };
      return prepare(loss, rest);
    };
    const found = tried.map((options) => attempt(() => void of(group.rank === 1 ? options : {})));
    return [...found, attempt(() => of({}).run(${batch}).counted)];
  }`;
  const refused = 'ERR_CKL_GROUP: rank 1 refused its options and reports the reason; nothing was prepared';

  /** Rank 1 says what was wrong each time, and the others that it refused; then all run, and `counted` queries count. */
  async function expectRefusals(source: string, counted: number, ofRankOne: unknown[]): Promise<void> {
    const [zero, one, two] = await team<unknown[]>(3, source, undefined, { timeout: 20_000 });
    expect(zero).toEqual([...ofRankOne.map(() => refused), counted]);
    expect(two).toEqual(zero);
    expect(one).toEqual([...ofRankOne, counted]);
  }

  it.each(['gather', 'ring'])("across: '%s': all throw, and all can prepare then", async (across) => {
    const own = `[
      { dim: 4, shape: [2, 9], group, across: '${across}' },
      { dim: 0 }, { shape: null }, { across: 'all' }, { loss: 'nil' }, { similarity: 'maxSim' }, { threads: -1 },
      { gradScale: 'one' }, { backend: 'cuda' }, { dims: [2] }, { shard: 1 }, { unknown: 1 },
    ]`;
    await expectRefusals(preparing('ckl-loss/embeddings', own, embeddings), 6, [
      expect.stringMatching(/: dim is 0/),
      expect.stringMatching(/: shape is null|: prepare needs shape/),
      expect.stringMatching(/: across is 'all'/),
      expect.stringMatching(/: loss is 'nil'/),
      expect.stringMatching(/: across is given, but similarity is 'maxSim'/),
      expect.stringMatching(/: threads is -1/),
      expect.stringMatching(/: gradScale is 'one'/),
      expect.stringMatching(/^ERR_CKL_BACKEND: backend is 'cuda'/),
      expect.stringMatching(/: across is given, but dims is, too/),
      expect.stringMatching(/: across is given, but shard is, too/),
      expect.stringMatching(/unknown/),
    ]);
  });

  it('shard: all throw, and all can prepare then', async () => {
    const shard = (more: string) => `{ group, begin: 40 * group.rank, documents: 120, ${more} }`;
    const own = `[
      { loss: 'kl', shape: [10, 40], shard: ${shard('')} },
      { shard: ${shard('begin: -1')} }, { shard: ${shard('documents: 1.5')} }, { shape: 7 }, { loss: 'lambdaMrr' }, { group },
      { teacherGrad: true }, { studentTemperature: 0 }, { backend: 'cuda' }, { unknown: 1 },
    ]`;
    await expectRefusals(preparing('ckl-loss', own, documents), 10, [
      expect.stringMatching(/: shard\.begin is -1/),
      expect.stringMatching(/: shard\.documents is 1\.5/),
      expect.stringMatching(/shape/),
      expect.stringMatching(/: shard is given, but lambdaMrr compares pairs/),
      expect.stringMatching(/: group and shard are given/),
      expect.stringMatching(/: shard is given, but teacherGrad is wanted/),
      expect.stringMatching(/: studentTemperature is 0/),
      expect.stringMatching(/backend/),
      expect.stringMatching(/unknown/),
    ]);
  });
});
