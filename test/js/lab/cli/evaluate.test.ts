// `ckl-loss evaluate` on runs and judgements that do not fit each other, and on collections whose queries are documents.
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../../lib/lab/cli/evaluate/evaluate';
import { scratch } from '../../data/files';
import { parquetOf } from '../../data/parquets';

const files = scratch();
const qrels = files.write('qrels', '1 0 a 1\n2 0 a 1\n3 0 a 1\n');
const selfish = files.write('selfish', '1 Q0 1 1 9 t\n1 Q0 a 2 5 t\n2 Q0 a 1 9 t\nx Q0 a 1 9 t\n');
const other = files.write('other', '2 Q0 a 1 9 t\n3 Q0 b 1 9 t\n3 Q0 a 2 5 t\n1 Q0 a 1 1 t\n');

async function printed(...args: string[]): Promise<string> {
  let text = '';
  const out = { write: (part: string) => void (text += part) };
  expect(await evaluate(['--qrels', qrels, '--measures', 'mrr@10', ...args], out)).toBe(0);
  return text;
}

describe('evaluate', () => {
  it('mentions queries that one side lacks', async () => {
    const text = await printed('--run', selfish, '--baseline', other);
    expect(text).toContain(
      'judged queries that the run lacks: 1, not counted (--complete counts them as 0)\n',
    );
    expect(text).toContain('queries of the run without judgements: 1, not counted\n');
    expect(text).toContain(
      'compared over the 2 queries that both have: 0 are in the run alone, 1 in the baseline alone\n',
    );
    expect(await printed('--run', other)).toMatch(/^3 queries\nmeasure/);
  });

  it('leaves out documents with the id of their query, with a notice, unless it is told otherwise', async () => {
    const mean = (text: string) => /mrr@10 +(\S+)/.exec(text)?.[1];
    const text = await printed('--run', selfish);
    expect(text).toContain(
      'that list the document of their own id: 1; it is left out (--keep-identical-ids keeps it)',
    );
    expect(mean(text)).toBe('1.0000');
    const kept = await printed('--run', selfish, '--keep-identical-ids');
    expect(mean(kept)).toBe('0.7500');
    expect(kept).not.toContain('own id');
    await expect(
      evaluate(['--run', 'x', '--qrels', 'x', '--ignore-identical-ids', '--keep-identical-ids']),
    ).rejects.toThrow('exclude each other');
  });

  it('stops where trec_eval 10 does', async () => {
    await expect(printed('--run', selfish, '--convention', 'trec_eval-10')).rejects.toThrow(
      'lacks query "3"',
    );
    expect(await printed('--run', selfish, '--convention', 'trec_eval-10', '--complete')).toContain(
      '3 queries\n',
    );
    await expect(printed('--run', selfish, '--convention', 'trec_eval-8')).rejects.toThrow(
      'trec_eval-9, trec_eval-10',
    );
  });
});

describe('evaluate --run with a teacher’s lists', () => {
  const refused = (path: string) => evaluate(['--qrels', qrels, '--run', path], { write: () => true });
  const convert = (path: string) => `ckl-loss convert --from ${path} --to run.trec --to-form trec`;

  it('says how to convert PyLate’s lists in Parquet', async () => {
    const lists = { query_id: [1n], document_ids: [['a', 'b']], scores: [[0.9, 0.1]] };
    const path = files.write('lists.parquet', await parquetOf(lists));
    await expect(refused(path)).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      message: expect.stringContaining(convert(path)),
    });
  });

  it.each([
    ['pylate', '{"query_id":"1","document_ids":["a","b"],"scores":[0.9,0.1]}\n'],
    ['hofstaetter', '1.5\t0.5\t1\ta\tb\n'],
  ])('and those of the form %s', async (form, text) => {
    const path = files.write(`lists.${form}`, text);
    await expect(refused(path)).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      message: expect.stringContaining('ckl-loss convert'),
    });
  });

  it.each([
    [2, '1 Q0 a 1 9 t\n1 Q0\n'],
    [1, 'no run\n'],
  ])('does not speak of it where line %i of a run is bad', async (line, text) => {
    const path = files.write('bad', text);
    await expect(refused(path)).rejects.toThrow(new RegExp(`bad:${line}: expected (?!.*ckl-loss convert)`));
  });
});
