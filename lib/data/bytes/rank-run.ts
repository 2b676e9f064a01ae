// Reads a run as bytes and keeps what measures need: one query in memory if its lines are consecutive,
// otherwise a few bytes per line.
import { stat } from 'node:fs/promises';
import type { Convention, Run } from '../../metrics/index.js';
import { LONGEST_LINE } from '../lines.js';
import type { ReadOptions } from '../records.js';
import { loadRun } from '../runs.js';
import { encodeIds } from './ids.js';
import type { Judgements } from './judgements.js';
import { JudgedRanks } from './ranked-run.js';
import { openRegions, readRegions, Refusals } from './regions.js';
import { RunReader } from './run-reader.js';
import { ApartLines, LinesApart, TogetherLines } from './run-lines.js';

/**
 * The ranks of judged documents in a run, with the same errors as {@link loadRun}. A file whose queries turn
 * out to be scattered is read a second time; for a pipe, which cannot be reread, all lines are kept from the
 * start.
 *
 * @param convention `msmarco` goes by the rank column
 * @throws DataError
 */
export async function rankRun(
  path: string,
  judgements: Judgements,
  convention: Convention,
  options: ReadOptions = {},
): Promise<JudgedRanks> {
  const refusals = new Refusals(path, options);
  const maxLineBytes = options.maxLineBytes ?? LONGEST_LINE;
  const again = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  for (const together of again ? [true, false] : [false]) {
    const file = await openRegions(path);
    if (!file) {
      const run = await loadRun(path, { ...options, order: convention === 'msmarco' ? 'rank' : 'file' });
      return rankListed(run, judgements, convention);
    }
    const ranks = new JudgedRanks(judgements, convention);
    const lines = together ? new TogetherLines(ranks) : new ApartLines(ranks, isSingle(convention));
    refusals.restart();
    const reader = new RunReader(path, lines, refusals, convention, maxLineBytes);
    try {
      await readRegions(file, reader, maxLineBytes);
      reader.end();
      return ranks;
    } catch (error) {
      if (error instanceof LinesApart) continue;
      // A repeated document found earlier precedes the line that cannot be read.
      if (!refusals.skipBad) reader.endLines();
      throw error;
    }
  }
  throw new Error('lines that stand apart were gathered');
}

/** Whether a convention compares scores as float32. */
const isSingle = (convention: Convention): boolean =>
  convention === 'trec_eval' || convention === 'trec_eval-9';

/** The same for a run in memory, whose documents are listed best first if the convention uses that order. */
export function rankListed(run: Run, judgements: Judgements, convention: Convention): JudgedRanks {
  const ranks = new JudgedRanks(judgements, convention);
  const lines = new TogetherLines(ranks);
  const single = isSingle(convention);
  let line = 0;
  for (const [qid, scores] of run) {
    const query = encodeIds(qid);
    lines.begin(query.bytes, 0, query.middle);
    for (const [docid, score] of scores) {
      const { bytes, middle } = encodeIds('', docid);
      const key = convention === 'msmarco' ? -++line : single ? Math.fround(score) : score;
      lines.add(bytes, middle, bytes.length, undefined, key);
    }
  }
  lines.end();
  return ranks;
}
