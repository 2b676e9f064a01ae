// `--run` and `--log` of refine and compare: a run per loss that evaluate measures as the report does, a log with every training.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare } from '../../../../lib/lab/cli/compare/compare';
import { refine } from '../../../../lib/lab/cli/refine/refine';
import { loadQrels, loadRun } from '../../../../lib/data/index';
import { evaluate } from '../../../../lib/metrics/index';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const files = scratch();
const at = (name: string) => join(files.dir, name);
const nothing = { write: () => true };
const SMALL = ['--epochs', '1', '--docs', '12', '--data', sample];

/** nDCG@10 of a run of the sample's test queries. */
async function ndcgOf(name: string): Promise<number> {
  const [run, qrels] = [await loadRun(at(name)), await loadQrels(join(sample, 'qrels/test.tsv'))];
  expect(run.size).toBe(100);
  return evaluate(run, qrels, { measures: ['ndcg@10'] }).mean['ndcg@10'];
}
const read = <T>(name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as T;

describe('refine --run', () => {
  it('writes the search of each loss', async () => {
    await refine(
      [...SMALL, '--width', '16', '--losses', 'kl,nll', '--run', at('r.trec'), '--json', at('r.json')],
      nothing,
      nothing,
    );
    const { refined } = read<{ refined: { loss: string; full: Record<string, number> }[] }>('r.json');
    for (const { loss, full } of refined) expect(await ndcgOf(`r.${loss}.trec`)).toBe(full['ndcg@10']);
    expect(existsSync(at('r.trec'))).toBe(false);
  });

  it.each([
    ['--checkpoint', at('c')],
    ['--resume', at('c')],
  ])('is refused with %s', async (...more) => {
    const asked = refine([...SMALL, '--run', at('x'), ...more], nothing, nothing);
    await expect(asked).rejects.toThrow(`--run and ${more[0]} exclude each other`);
  });

  it('is refused where one of its files cannot be written', async () => {
    files.write('taken', '');
    const asked = refine([...SMALL, '--losses', 'kl,nll', '--run', join(at('taken'), 'x')], nothing, nothing);
    await expect(asked).rejects.toThrow('--run: ');
  });
});

describe('compare --run --log', () => {
  it('writes both, of all students and losses', async () => {
    await compare(
      [
        ...[...SMALL, '--quick', '--students', 'dense,multi', '--losses', 'kl', '--jobs', '1'],
        ...['--batch', '32'],
        ...['--wrong-teacher', '0.5', '--wrong-labels', '0'],
        ...['--run', at('c.trec'), '--log', at('c.jsonl'), '--json', at('c.json')],
      ],
      nothing,
      nothing,
    );
    type Row = { name: string; cells: Record<string, { mean: number }> };
    const { tables } = read<{ tables: { student: string; condition: string; rows: Row[] }[] }>('c.json');
    for (const { student, condition, rows } of tables)
      if (condition === 'clean')
        for (const loss of ['kl', 'ckl']) {
          const { mean } = rows.find(({ name }) => name === loss)!.cells['full ndcg@10'];
          expect(await ndcgOf(`c.${student}.${loss}.trec`)).toBeCloseTo(mean, 12);
        }
    const lines = readFileSync(at('c.jsonl'), 'utf8').trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, string | number>);
    const epochs = entries.filter(({ kind }) => kind === 'epoch');
    expect(epochs.map(({ model, condition, training }) => `${model} ${condition} ${training}`)).toEqual(
      ['dense', 'multi'].flatMap((model) =>
        ['clean', 'wrongTeacher'].flatMap((condition) =>
          ['marginMse', 'kl', 'ckl'].map((loss) => `${model} ${condition} ${loss}`),
        ),
      ),
    );
    expect(entries).toHaveLength(12 * (160 / 32 + 1));
  });

  it.each(['run', 'log'])('--%s is refused with --from', async (option) => {
    const asked = compare(['--from', at('c.json'), `--${option}`, at('x')], nothing, nothing);
    await expect(asked).rejects.toThrow(`--${option} and --from exclude each other`);
  });
});
