// Lists of a teacher's scores as tests compare them.
import type { ScoredList } from '../../../lib/data/index';

export async function lists(from: AsyncIterable<ScoredList>): Promise<ScoredList[]> {
  const all: ScoredList[] = [];
  for await (const list of from) all.push(list);
  return all;
}

/** `query: document=score` with + for a positive and - for a negative. */
export const brief = (all: ScoredList[]) =>
  all.map(({ qid, docs }) => {
    const sign = { 0: '-', 1: '+' };
    const parts = docs.map(
      ({ docid, score, label }) => `${label === undefined ? '' : sign[label]}${docid}=${score}`,
    );
    return `${qid}: ${parts.join(' ')}`;
  });
