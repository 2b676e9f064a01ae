// Searches of a whole corpus, divided among the ranks of a team, with the same result as a single process.
import type { Run } from '../../metrics/index.js';
import { TopScores } from '../students/top-scores.js';
import type { Searcher } from '../students/two-stage.js';
import type { Bag, Corpus } from '../students/words/bags.js';
import { placesOf, type Sequence } from '../students/words/sequence.js';
import type { Team } from '../training/team.js';

/** What a rank keeps by the documents of a corpus: the same objects each time, for searchers that remember what they found in one. */
const slices = new WeakMap<Sequence<Bag>, Corpus>();
/** Where documents are in the whole corpus. */
const places = new WeakMap<Sequence<Bag>, (docid: string) => number>();

/** A rank's own queries. */
const shares = new WeakMap<ReadonlyMap<string, Bag>, ReadonlyMap<string, Bag>>();

/** The value of a key in a map, created on first use. */
function kept<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const placeIn = ({ docids, bags }: Corpus) => kept(places, bags, () => placesOf(docids));

/**
 * Without a team, the searcher itself. With one, each rank searches a part of the corpus; where a document's place in the ranking depends on
 * others (`byQueries`: two stages), all of it for a part of the queries.
 */
export function dealtSearcher(searcher: Searcher, team: Team | undefined, byQueries: boolean): Searcher {
  if (!team) return searcher;
  return {
    search: (corpus, queries, depth) =>
      byQueries
        ? searchQueries(searcher, team, corpus, queries, depth)
        : searchPart(searcher, team, corpus, queries, depth),
  };
}

function searchPart(
  searcher: Searcher,
  team: Team,
  corpus: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
): Run {
  const { docids, bags } = corpus;
  const slice = kept(slices, bags, () => {
    const bound = (rank: number) => Math.floor((rank * bags.length) / team.size);
    const [first, end] = [bound(team.rank), bound(team.rank + 1)];
    return { docids: docids.slice(first, end), bags: bags.slice(first, end) };
  });
  const found = searcher.search(slice, queries, depth);
  const parts = team.gather(written(found, queries, placeIn(corpus))).map(reader);
  return new Map(
    [...queries.keys()].map((qid) => {
      const best = new TopScores(depth);
      // Ranks have the corpus in its order.
      const entries = parts.flatMap((next) => next());
      best.add(
        0,
        Float32Array.from(entries, ([, score]) => score),
      );
      return [qid, new Map(best.entries().map(([i, score]) => [corpus.docids.at(entries[i][0])!, score]))];
    }),
  );
}

function searchQueries(
  searcher: Searcher,
  team: Team,
  corpus: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
): Run {
  // The same object each time, because a first stage uses it as the key of its cache.
  const mine = kept(shares, queries, () => new Map([...queries].filter((_, place) => team.isOwn(place))));
  const found = searcher.search(corpus, mine, depth);
  const parts = team.gather(written(found, mine, placeIn(corpus))).map(reader);
  return new Map(
    [...queries.keys()].map((qid, place) => [
      qid,
      new Map(parts[place % team.size]().map(([document, score]) => [corpus.docids.at(document)!, score])),
    ]),
  );
}

/** Of each query how many documents, then place and score of each. */
function written(
  run: Run,
  queries: ReadonlyMap<string, Bag>,
  placeOf: (docid: string) => number,
): Float64Array {
  const numbers: number[] = [];
  for (const qid of queries.keys()) {
    const found = run.get(qid) ?? new Map<string, number>();
    numbers.push(found.size);
    for (const [docid, score] of found) numbers.push(placeOf(docid), score);
  }
  return Float64Array.from(numbers);
}

/** Reads one query after the other. */
function reader(numbers: Float64Array): () => [place: number, score: number][] {
  let at = 0;
  return () => {
    const count = numbers[at++];
    return Array.from({ length: count }, () => [numbers[at++], numbers[at++]]);
  };
}
