// The commands with a saved student: refine --save, search, encode, and evaluate with the numbers that were reported.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../../../lib/lab/cli/compare/compare';
import { encode } from '../../../../lib/lab/cli/encode/encode';
import { evaluate } from '../../../../lib/lab/cli/evaluate/evaluate';
import { readRefineArguments } from '../../../../lib/lab/cli/refine/options';
import { refine } from '../../../../lib/lab/cli/refine/refine';
import { refine as refineJob } from '../../../../lib/lab/refine/job';
import { search } from '../../../../lib/lab/cli/search/search';
import { train } from '../../../../lib/lab/cli/train/train';
import { load, loadVectors } from '../../../../lib/lab/students/index';
import { parseTensors } from '../../../../lib/lab/students/saved/safetensors';
import { loadBeir, loadRun } from '../../../../lib/data/index';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const files = scratch();
const at = (name: string) => join(files.dir, name);
const model = at('model');
const nothing = { write: () => true };
const QUICK = ['--loss', 'kl', '--epochs', '1', '--width', '16', '--docs', '12'];

type Command = (
  args: string[],
  out: { write(text: string): void },
  progress: typeof nothing,
) => Promise<number>;

async function printed(command: Command, ...args: string[]): Promise<string> {
  let text = '';
  expect(await command(args, { write: (part) => void (text += part) }, nothing)).toBe(0);
  return text;
}

interface Report {
  refined: { full: Record<string, number> }[];
}
const read = (name: string): unknown => JSON.parse(readFileSync(at(name), 'utf8'));
const meansOf = async (...args: string[]): Promise<Record<string, number>> => {
  const measured = JSON.parse(
    await printed(evaluate, '--json', '-', '--measures', 'ndcg@10,mrr@10', ...args),
  ) as {
    run: { mean: Record<string, number> };
  };
  return measured.run.mean;
};

beforeAll(async () => {
  await printed(
    refine,
    ...QUICK,
    '--data',
    sample,
    '--save',
    model,
    '--json',
    at('report.json'),
    '--log',
    at('log.jsonl'),
  );
});

describe('refine --save', () => {
  it('writes a folder, and none over another', async () => {
    expect(readdirSync(model).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'test-queries.json',
      'vocabulary.txt',
    ]);
    const again = refine([...QUICK, '--save', model], nothing, nothing);
    await expect(again).rejects.toThrow(/--save: .* cannot be written: it exists and is not empty/);
  });

  it.each([['--folds', '3']])('is refused with %s', async (...more) => {
    const asked = refine([...QUICK, '--save', at('other'), ...more], nothing, nothing);
    await expect(asked).rejects.toThrow(more[0]);
    expect(existsSync(at('other'))).toBe(false);
  });
});

describe('--save with a checkpoint', () => {
  const saved = (dir: string) => readFileSync(join(at(dir), 'model.safetensors'));
  const losses = ['--losses', 'kl,nll', '--epochs', '2', '--width', '16', '--docs', '12', '--data', sample];

  it('saves of finished trainings what was saved without it', async () => {
    await printed(refine, ...losses, '--save', at('whole'));
    await printed(refine, ...losses, '--checkpoint', at('r.ckpt'));
    await printed(refine, ...losses, '--checkpoint', at('r.ckpt'), '--save', at('later'));
    await printed(refine, ...losses, '--resume', at('r.ckpt'), '--save', at('resumed'));
    expect(saved('later')).toEqual(saved('whole'));
    expect(saved('resumed')).toEqual(saved('whole'));
  });

  it('saves the same after an interruption in the middle of any training', async () => {
    const options = readRefineArguments(losses)!.options;
    const whole = await refineJob({ ...options, keepsStudent: true });
    for (const [i, loss] of ['kl', 'nll'].entries()) {
      const file = at(`i${i}.ckpt`);
      const controller = new AbortController();
      let now: string;
      await refineJob(
        { ...options, checkpoint: file },
        {
          signal: controller.signal,
          onLoss: (name) => (now = name),
          onProgress: ({ step }) => now === loss && step === 13 && controller.abort(),
        },
      );
      expect(controller.signal.aborted).toBe(true);
      const { chosen } = await refineJob({ ...options, checkpoint: file, keepsStudent: true });
      expect(chosen).toEqual(whole.chosen);
    }
  });

  it('is there in compare', async () => {
    const asked = [
      ...['--quick', '--data', sample, '--students', 'dense,multi', '--losses', 'kl', '--epochs', '1'],
      ...['--docs', '12', '--batch', '32', '--jobs', '1'],
    ];
    await printed(compare, ...asked, '--save', at('c1'));
    await printed(compare, ...asked, '--checkpoint', at('c.ckpt'));
    await printed(compare, ...asked, '--checkpoint', at('c.ckpt'), '--save', at('c2'));
    for (const student of ['dense', 'multi']) expect(saved(`c2/${student}`)).toEqual(saved(`c1/${student}`));
  });

  it('is there in train', async () => {
    const asked = ['--data', sample, '--epochs', '3'];
    await printed(train, ...asked, '--save', at('t1'));
    await printed(train, ...asked, '--checkpoint', at('t.ckpt'));
    await printed(train, ...asked, '--checkpoint', at('t.ckpt'), '--save', at('t2'));
    expect(saved('t2')).toEqual(saved('t1'));
  });
});

describe('refine --log', () => {
  it('has a line per step and per epoch', () => {
    const lines = readFileSync(at('log.jsonl'), 'utf8').trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, number | string>);
    expect(entries.map(({ kind }) => kind)).toEqual([...Array<string>(10).fill('step'), 'epoch']);
    expect(entries[0]).toMatchObject({ training: 'kl', epoch: 1, step: 1, learningRate: 0.003 });
    expect(entries[9].learningRate).toBeLessThan(0.003);
    const { refined } = read('report.json') as {
      refined: { training: { history: { dev: number; loss: number }[] } }[];
    };
    const { dev, loss } = refined[0].training.history[1];
    expect(entries[10]).toMatchObject({ epoch: 1, step: 10, dev, loss });
    expect(entries[10]).toHaveProperty('separation');
  });
});

describe('search', () => {
  it('ranks for evaluate, which measures what the report says', async () => {
    const { refined } = read('report.json') as Report;
    expect(
      await printed(search, '--model', model, '--data', sample, '--split', 'test', '--run', at('run')),
    ).toBe('');
    const expected = refined[0].full;
    expect(await meansOf('--run', at('run'), '--qrels', join(sample, 'qrels/test.tsv'))).toEqual(expected);
    expect(await meansOf('--model', model, '--data', sample)).toEqual(expected);
    expect(await meansOf('--model', model, '--data', sample, '--measured')).toEqual(expected);
    const text = await printed(evaluate, '--model', model, '--data', sample, '--baseline', at('run'));
    expect(text).toMatch(/ndcg@10 +(\S+) +\1 +\+?0\.0000/);
  });

  it('takes files, as many documents as asked for, and leaves out the document of the query’s own id', async () => {
    const corpus = join(sample, 'corpus.jsonl');
    const queries = files.write('queries.jsonl', '{"_id":"d1","text":"x"}\n{"_id":"q","text":"y"}\n');
    const [own] = (await loadBeir(sample)).corpus.values();
    const self = files.write('self.jsonl', `${JSON.stringify({ _id: own.id, text: own.text })}\n`);
    await printed(
      search,
      '--model',
      model,
      '--corpus',
      corpus,
      '--queries',
      queries,
      '--run',
      at('few'),
      '--k',
      '3',
    );
    const few = await loadRun(at('few'));
    expect([...few].map(([qid, found]) => [qid, found.size])).toEqual([
      ['d1', 3],
      ['q', 3],
    ]);
    const args = ['--model', model, '--corpus', corpus, '--queries', self, '--run', at('self'), '--k', '2'];
    await printed(search, ...args);
    expect((await loadRun(at('self'))).get(own.id)!.has(own.id)).toBe(true);
    await printed(search, ...args, '--ignore-identical-ids');
    expect((await loadRun(at('self'))).get(own.id)!.has(own.id)).toBe(false);
  });

  it.each<[string[], string]>([
    [['--data', sample, '--run', 'r'], '--model is needed'],
    [['--model', model, '--data', sample], '--run is needed'],
    [['--model', model, '--run', at('r')], '--corpus is needed'],
    [['--model', model, '--run', at('r'), '--corpus', 'c'], '--queries is needed'],
    [['--model', model, '--run', at('r'), '--corpus', 'c', '--split', 'test'], '--split needs --data'],
    [['--model', model, '--run', at('r'), '--data', sample, '--corpus', 'c'], 'exclude each other'],
    [
      ['--model', model, '--run', at('r'), '--data', sample, '--split', 'tests'],
      '--split takes dev, test, train',
    ],
    [['--model', model, '--run', at('r'), '--data', sample, '--k', '0'], '--k takes a whole number'],
    [['--model', sample, '--run', at('r'), '--data', sample], 'config.json: it cannot be read'],
    [
      ['--model', model, '--run', join(model, 'model.safetensors'), '--data', sample],
      'it is a file of --model',
    ],
  ])('refuses %j', async (args, said) => {
    await expect(search(args, nothing, nothing)).rejects.toThrow(said);
  });
});

describe('encode', () => {
  it('writes what NumPy reads: the vectors of the texts in their order', async () => {
    const args = ['--model', model, '--data', sample, '--side', 'queries', '--split', 'test'];
    await printed(encode, ...args, '--out', at('q.npy'), '--ids', at('q.txt'));
    const bytes = readFileSync(at('q.npy'));
    const ids = readFileSync(at('q.txt'), 'utf8').trimEnd().split('\n');
    expect(ids).toHaveLength(100);
    const length = 10 + bytes.readUInt16LE(8);
    expect(length % 64).toBe(0);
    expect(bytes.toString('latin1', 0, length)).toMatch(
      /^.NUMPY....\{'descr': '<f4', 'fortran_order': False, 'shape': \(100, 16\), \} *\n$/s,
    );
    const numbers = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + length, bytes.byteOffset + bytes.length),
    );
    const { queries } = await loadBeir(sample);
    const student = await load(model);
    const encoded = student.encodeQueries(ids.map((id) => queries.get(id)!));
    expect(encoded).toEqual({ kind: 'vectors', width: 16, vectors: numbers });
    await printed(encode, '--model', model, '--corpus', join(sample, 'corpus.jsonl'), '--out', at('d.npy'));
    expect(readFileSync(at('d.npy'), 'latin1')).toContain("'shape': (576, 16)");
  });

  const documentsOf = async () => [...(await loadBeir(sample)).corpus.values()];
  const ofCorpus = (model: string, out: string) => [
    ...['--model', at(model), '--data', sample, '--side', 'corpus', '--out', at(out)],
  ];

  it('writes the words of a multi-vector student as safetensors, which are read as the vectors of tokens', async () => {
    await printed(refine, ...QUICK, '--data', sample, '--student', 'multi', '--save', at('multi'));
    await printed(encode, ...ofCorpus('multi', 'm.safetensors'), '--ids', at('m.ids.txt'));
    const documents = await documentsOf();
    const encoded = (await load(at('multi'))).encodeDocuments(documents);
    if (encoded.kind !== 'tokens') throw new Error(encoded.kind);
    const { ids, dim, values, offsets } = await loadVectors(at('m.safetensors'));
    expect(ids).toEqual(documents.map(({ id }) => id));
    expect(dim).toBe(16);
    const { numbers: weights } = parseTensors(readFileSync(at('m.safetensors'))).get('weights')!;
    encoded.texts.forEach((text, i) => {
      expect(values.slice(offsets![i] * 16, offsets![i + 1] * 16)).toEqual(text.vectors);
      expect(weights.slice(offsets![i], offsets![i + 1])).toEqual(text.weights);
    });
  });

  it('writes the terms of a sparse student as JSON lines', async () => {
    await printed(refine, ...QUICK, '--data', sample, '--student', 'sparse', '--save', at('sparse'));
    await printed(encode, ...ofCorpus('sparse', 'terms.jsonl'));
    const documents = await documentsOf();
    const encoded = (await load(at('sparse'))).encodeDocuments(documents);
    if (encoded.kind !== 'terms') throw new Error(encoded.kind);
    const lines = readFileSync(at('terms.jsonl'), 'utf8').trimEnd().split('\n');
    const found = lines.map((line) => JSON.parse(line) as { id: string; vector: Record<string, number> });
    expect(found).toEqual(
      encoded.texts.map(({ terms, weights }, i) => ({
        id: documents[i].id,
        vector: Object.fromEntries(terms.map((term, t) => [term, weights[t]])),
      })),
    );
  });

  it('refuses both sides, none, and a student without encodings', async () => {
    const refused = (...args: string[]) => encode(['--out', at('x.npy'), ...args], nothing, nothing);
    await expect(refused('--model', model, '--data', sample)).rejects.toThrow(
      '--side corpus or --side queries',
    );
    await expect(refused('--model', model, '--data', sample, '--side', 'text')).rejects.toThrow(
      'corpus, queries',
    );
    await printed(train, '--data', sample, '--epochs', '1', '--save', at('linear'));
    await expect(refused('--model', at('linear'), '--data', sample, '--side', 'queries')).rejects.toThrow(
      'the linear student looks at query and document together',
    );
  });
});

describe('evaluate --model', () => {
  it.each<[string[], string]>([
    [['--model', model], '--data is needed'],
    [['--model', model, '--data', sample, '--qrels', 'q'], '--model and --qrels exclude each other'],
    [['--model', model, '--data', sample, '--split', 'x'], '--split takes dev, test, train'],
    [['--model', model, '--data', sample, '--split', 'dev', '--measured'], '--measured and --split exclude'],
    [['--run', 'r', '--qrels', 'q', '--k', '3'], '--k does nothing without --model'],
  ])('refuses %j', async (args, said) => {
    await expect(evaluate(args, nothing)).rejects.toThrow(said);
  });

  it('takes a split other than test, and says when the folder lacks its list of queries', async () => {
    expect(await meansOf('--model', model, '--data', sample, '--split', 'dev')).toHaveProperty('ndcg@10');
    mkdirSync(at('bare'));
    cpSync(model, at('bare'), { recursive: true });
    rmSync(join(at('bare'), 'test-queries.json'));
    const asked = evaluate(['--model', at('bare'), '--data', sample, '--measured'], nothing);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CKL_MODEL', fault: 'missing' });
  });
});

describe('compare --save', () => {
  const args = ['--quick', '--epochs', '1', '--students', 'dense,two-stage', '--losses', 'kl'];
  const more = ['--wrong-teacher', '0.5', '--wrong-labels', '0'];

  it('writes of each student the training that dev found best, with any number of threads', async () => {
    await printed(
      compare,
      ...args,
      ...more,
      '--jobs',
      '1',
      '--save',
      at('compared'),
      '--json',
      at('compared.json'),
    );
    const { tables } = JSON.parse(readFileSync(at('compared.json'), 'utf8')) as {
      tables: {
        student: string;
        condition: string;
        rows: { name: string; cells: Record<string, { mean: number }> }[];
      }[];
    };
    for (const student of ['dense', 'two-stage']) {
      const card = readFileSync(join(at('compared'), student, 'README.md'), 'utf8');
      const recipe = /trained on sample with (\S+)/.exec(card)![1];
      const { rows } = tables.find((one) => one.student === student && one.condition === 'clean')!;
      const { cells } = rows.find(({ name }) => name === recipe)!;
      const means = await meansOf('--model', join(at('compared'), student), '--data', sample, '--measured');
      expect(means['ndcg@10']).toBeCloseTo(cells['full ndcg@10'].mean, 12);
      expect(means['mrr@10']).toBeCloseTo(cells['full mrr@10'].mean, 12);
      expect(card).toMatch(/- full nDCG@10 less the start: [-+]0\.\d{4}, p /);
    }
    const main = join(__dirname, '../../../../dist/lab/cli/main.js');
    execFileSync(
      process.execPath,
      [main, 'compare', ...args, ...more, '--jobs', '2', '--save', at('threads')],
      {
        stdio: 'ignore',
      },
    );
    for (const name of ['dense/config.json', 'dense/model.safetensors', 'two-stage/model.safetensors'])
      expect(readFileSync(join(at('threads'), name)).equals(readFileSync(join(at('compared'), name)))).toBe(
        true,
      );
  }, 60_000);

  it('is refused for a comparison that was saved', async () => {
    const asked = compare(['--from', at('compared.json'), '--save', at('other')], nothing, nothing);
    await expect(asked).rejects.toThrow('--save and --from exclude each other');
  });
});
