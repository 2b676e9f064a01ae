// A ranking as the text of a TREC run.
import { formatRunLine } from '../../data/index.js';
import { rank, type Run } from '../../metrics/index.js';

/** The lines of a run, the best document of each query first. */
export function runText(run: Run, tag: string): string {
  const lines: string[] = [];
  for (const [qid, scores] of run)
    rank(scores).forEach((docid, i) =>
      lines.push(formatRunLine({ qid, docid, rank: i + 1, score: scores.get(docid)!, tag })),
    );
  return lines.map((line) => `${line}\n`).join('');
}
