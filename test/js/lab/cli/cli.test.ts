// The command as a user calls it: output, files, exit codes, Ctrl-C.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadRun } from '../../../../lib/data/index';
import { scratch } from '../../data/files';

const repository = join(__dirname, '../../../..');
const main = join(repository, 'dist/lab/cli/main.js');
const files = scratch();

beforeAll(() => {
  if (!existsSync(main)) throw new Error('dist/ is missing: npm run prepare');
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function run(args: string[], watch?: (child: ChildProcess, err: string) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: repository });
    const ended: Ended = { code: null, out: '', err: '' };
    child.stdout.on('data', (data: Buffer) => (ended.out += data.toString()));
    child.stderr.on('data', (data: Buffer) => {
      ended.err += data.toString();
      watch?.(child, ended.err);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...ended, code }));
  });
}

/** A row of a printed table, by its first words. */
const row = (out: string, name: string) =>
  out
    .split('\n')
    .find((line) => line.startsWith(name))!
    .slice(name.length)
    .trim()
    .split(/\s+/)
    .map(Number);

describe('ckl-loss train', () => {
  it('learns the sample and prints what it reached; the files say the same', async () => {
    const json = join(files.dir, 'result.json');
    const ranking = join(files.dir, 'student.trec');
    const { code, out, err } = await run(['train', '--seed', '7', '--json', json, '--run', ranking]);
    expect(code).toBe(0);
    expect(err).toContain('the sample (synthetic): 576 documents, 160 train, 40 dev, 100 test queries');
    expect(err).toMatch(/epoch 1\/20 {2}loss \d\.\d{4} {2}dev nDCG@10 0\.\d{4} {2}\d+ queries\/s/);
    expect(err.split('\n').length).toBeLessThan(15);
    expect(err).not.toContain('\x1b');
    const [ndcg, mrr] = row(out, 'student after');
    expect(ndcg).toBeGreaterThan(row(out, 'student before')[0]);
    expect(mrr).toBeGreaterThan(row(out, 'BM25')[1]);
    expect(out).toMatch(/after - before: nDCG@10 \+0\.\d{4}, paired t-test p <\.0001/);

    const saved = JSON.parse(readFileSync(json, 'utf8')) as {
      test: { after: Record<string, number> };
      options: { seed: number };
    };
    expect(saved.options.seed).toBe(7);
    expect(saved.test.after['ndcg@10'].toFixed(4)).toBe(ndcg.toFixed(4));
    expect((await loadRun(ranking)).size).toBe(100);
    // `evaluate` reads the saved ranking and finds the same measures.
    const evaluated = await run([
      'evaluate',
      '--run',
      ranking,
      '--qrels',
      'examples/sample/qrels/test.tsv',
      '--measures',
      'ndcg@10,mrr@10',
    ]);
    expect(row(evaluated.out, 'ndcg@10')).toEqual([ndcg]);
    expect(row(evaluated.out, 'mrr@10')).toEqual([mrr]);
  });

  it('repeats itself: two runs with a seed save the same, but for the time', async () => {
    const texts = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const path = join(files.dir, `${name}.json`);
        await run(['train', '--epochs', '4', '--seed', '5', '--loss', 'klLogL', '--json', path]);
        return readFileSync(path, 'utf8').replace(/"seconds": .*/, '');
      }),
    );
    expect(texts[0]).toBe(texts[1]);
  });

  it('ends cleanly on Ctrl-C and reports what it reached', async () => {
    const json = join(files.dir, 'interrupted.json');
    let sent = false;
    const { code, out, err } = await run(
      ['train', '--epochs', '200000', '--patience', '200000', '--json', json],
      (child, err) => {
        if (!sent && err.includes('epoch 1/')) {
          sent = true;
          child.kill('SIGINT');
        }
      },
    );
    expect(code).toBe(130);
    expect(out).toContain('interrupted after epoch');
    expect(err).toMatch(
      /interrupted after batch \d+ of \d+, in epoch \d+ of 200000; nothing is kept; --checkpoint FILE would keep what is done\n$/,
    );
    expect(row(out, 'student after')[0]).toBeGreaterThan(row(out, 'student before')[0] + 0.2);
    expect(
      (JSON.parse(readFileSync(json, 'utf8')) as { training: { stopped: string } }).training.stopped,
    ).toBe('interrupted');
  });

  it.each([
    [['train', '--loss', 'clk'], 2, '(did you mean "ckl"?)'],
    [['train', '--epcohs', '3'], 2, 'unknown option --epcohs (did you mean "epochs"?)'],
    [['train', '--epochs'], 2, 'argument missing'],
    [['train', '--epochs', '1.5'], 2, '--epochs takes a whole number of at least 1, not "1.5"'],
    [['train', 'stray'], 2, 'stray'],
    [['train', '--loss', 'klx'], 2, '--loss takes kl, ckl,'],
    [['train', '--loss', 'kl', '--gamma', '2'], 2, '--gamma does not belong to --loss kl'],
    [['train', '--gamma', '2', '--alpha', '5'], 1, 'alpha is 5'],
    [['train', '--data', '/nowhere'], 2, 'there is no folder /nowhere'],
    [['train', '--data', 'examples'], 2, '--teacher is needed'],
    [['train', '--teacher', 'x'], 2, '--teacher needs --data'],
    [['train', '--data', 'examples', '--teacher', 'x'], 1, 'expected judgements: qrels/'],
    [['train', '--data', 'examples/sample', '--teacher', 'x'], 1, 'x: expected a readable file'],
    [['evaluate', '--run', 'y', '--qrels', 'x'], 1, 'x: expected a readable file'],
    [['evaluate', '--qrels', 'x'], 2, '--run is needed'],
    [['evaluate'], 2, '--qrels is needed'],
    [['evaluate', '--measures', 'ndcg@ten'], 2, 'unknown measure "ndcg@ten"'],
    [['sample'], 2, '--out is needed'],
    [['refine', '--data', 'nowhere', '--teacher', 'x'], 2, 'there is no folder nowhere'],
    [['refine', '--data', 'x', '--teacher', 'x', '--losses', 'kl,klx'], 2, '--losses takes'],
    [['refine', '--width', '6'], 2, '--width takes a multiple of 4'],
    [['convert', '--from', 'x'], 2, '--to is needed'],
    [['convert', '--from', 'x', '--to', 'y', '--to-form', 'colbret'], 2, '(did you mean "colbert"?)'],
    [
      ['tarin'],
      2,
      'no command "tarin" (did you mean "train"?); there are train, refine, compare, search, encode, mine, evaluate, convert, doctor, bench, sample',
    ],
  ])('%j ends with code %i and says why', async (args, code, message) => {
    const ended = await run(args);
    expect(ended.err).toContain(message);
    expect(ended.err).not.toMatch(/^\s+at /m);
    expect(ended.code).toBe(code);
    expect(ended.out).toBe('');
  });

  it.each([['train'], ['refine'], ['evaluate'], ['convert'], ['bench'], ['sample']])(
    '%s --help',
    async (name) => {
      const { code, out } = await run([name, '--help']);
      expect(code).toBe(0);
      expect(out).toContain(`ckl-loss ${name}`);
    },
  );
  it('explains itself', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('evaluate') });
    expect((await run([])).code).toBe(2);
  });
});

describe('ckl-loss refine', () => {
  it('prints the table, and writes the page and the JSON', async () => {
    const [json, html] = ['refined.json', 'refined.html'].map((name) => join(files.dir, name));
    const data = ['--data', 'examples/sample', '--teacher', 'examples/sample/teacher.trec'];
    const { code, out, err } = await run([
      ...['refine', ...data, '--losses', 'nll', '--width', '16', '--epochs', '2'],
      ...['--docs', '8', '--json', json, '--html', html],
    ]);
    expect(code).toBe(0);
    expect(err).toContain('576 documents');
    expect(err).toContain('\nnll\nepoch 1/2');
    const saved = JSON.parse(readFileSync(json, 'utf8')) as {
      refined: { loss: string; rerank: Record<string, number> }[];
    };
    expect(saved.refined[0].loss).toBe('nll');
    expect(row(out, 'nll')[0].toFixed(4)).toBe(saved.refined[0].rerank['ndcg@10'].toFixed(4));
    expect(readFileSync(html, 'utf8')).toContain('scope="row">NLL');
  });
});

describe('ckl-loss convert', () => {
  it('writes the target, with labels and texts from elsewhere, and counts what it left out', async () => {
    const from = files.write('lists.jsonl', '["q1",["d1",2.5],["d2",-1]]\nnonsense\n');
    const qrels = files.write('labels.tsv', 'q1\td1\t1\n');
    const to = join(files.dir, 'lists.flag.jsonl');
    const args = [
      'convert',
      '--from',
      from,
      '--from-form',
      'colbert',
      '--to',
      to,
      '--to-form',
      'flagembedding',
    ];
    const { code, out } = await run([...args, '--qrels', qrels, '--data', 'examples/sample', '--skip-bad']);
    expect(code).toBe(0);
    expect(out).toContain('1 queries, 2 documents\nleft out: 1\n');
    expect(out).toContain(`${from}:2: expected JSON`);
    expect(JSON.parse(readFileSync(to, 'utf8'))).toMatchObject({
      query_id: 'q1',
      pos_id: ['d1'],
      pos_scores: [2.5],
      neg_scores: [-1],
    });
  });
});

describe('ckl-loss evaluate', () => {
  const runA = () => files.write('a.trec', 'q1 Q0 a 1 3 t\nq1 Q0 x 2 2 t\nq2 Q0 x 1 2 t\nq2 Q0 b 2 1 t\n');
  const runB = () => files.write('b.trec', 'q1 Q0 x 1 3 t\nq1 Q0 a 2 2 t\nq2 Q0 x 1 2 t\nq2 Q0 b 2 1 t\n');
  const qrels = () => files.write('qrels', 'q1 0 a 1\nq2 0 b 1\nq3 0 c 1\n');

  it('prints means, counts the queries, and takes a level and -c', async () => {
    const { out } = await run(['evaluate', '--run', runA(), '--qrels', qrels(), '--measures', 'mrr@10']);
    expect(out).toContain('2 queries');
    expect(row(out, 'mrr@10')).toEqual([0.75]);
    const complete = await run([
      'evaluate',
      '--run',
      runA(),
      '--qrels',
      qrels(),
      '--measures',
      'mrr@10',
      '--complete',
    ]);
    expect(row(complete.out, 'mrr@10')).toEqual([0.5]);
    const level = await run([
      'evaluate',
      '--run',
      runA(),
      '--qrels',
      qrels(),
      '--measures',
      'mrr@10',
      '--level',
      '2',
    ]);
    expect(row(level.out, 'mrr@10')).toEqual([0]);
  });
  it('msmarco: by the rank column, over all judged queries', async () => {
    const path = files.write('ranks.tsv', 'q1\tx\t2\nq1\ta\t1\n');
    const { out } = await run([
      'evaluate',
      '--run',
      path,
      '--qrels',
      qrels(),
      '--measures',
      'mrr@10',
      '--convention',
      'msmarco',
    ]);
    expect(out).toContain('3 queries');
    expect(row(out, 'mrr@10')).toEqual([0.3333]);
  });
  it('compares two runs', async () => {
    const { out } = await run([
      'evaluate',
      '--run',
      runA(),
      '--baseline',
      runB(),
      '--qrels',
      qrels(),
      '--measures',
      'mrr@10',
    ]);
    expect(row(out, 'mrr@10')).toEqual([0.75, 0.5, 0.25, 1, 0.5, 0.5]);
  });
  it('per query, and as JSON', async () => {
    const { out } = await run([
      'evaluate',
      '--run',
      runA(),
      '--qrels',
      qrels(),
      '--measures',
      'mrr@10',
      '--per-query',
    ]);
    expect(row(out, 'q2')).toEqual([0.5]);
    const json = await run([
      'evaluate',
      '--run',
      runA(),
      '--baseline',
      runB(),
      '--qrels',
      qrels(),
      '--measures',
      'mrr@10',
      '--per-query',
      '--json',
      '-',
    ]);
    expect(JSON.parse(json.out)).toMatchObject({
      run: { queries: 2, mean: { 'mrr@10': 0.75 }, perQuery: { q1: { 'mrr@10': 1 } } },
      baseline: { mean: { 'mrr@10': 0.5 } },
      comparison: [{ measure: 'mrr@10', n: 2, p: expect.closeTo(0.5, 12) }],
    });
  });
});

it('ckl-loss --version prints the version of the package', async () => {
  const manifest = readFileSync(join(repository, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  for (const option of ['--version', '-V'])
    expect(await run([option])).toEqual({ code: 0, out: `${version}\n`, err: '' });
});
