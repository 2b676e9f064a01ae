// Cross-validation: combines the results of the folds, each on its own test queries, into one over all
// queries.
import type { Evaluation } from '../../metrics/index.js';
import type { FoldResult, Measured, Refined } from './results.js';

/**
 * Test measures are those of all folds' queries; a query that several folds measured (zero-shot) counts with its mean. Trainings, behaviour
 * and temperature are the first fold's; counts of training lists are means.
 */
export function pool(folds: readonly FoldResult[]): FoldResult {
  const [first] = folds;
  const mean = (value: (fold: FoldResult) => number) =>
    Math.round(folds.reduce((sum, fold) => sum + value(fold), 0) / folds.length);
  const refined = (of: (fold: FoldResult) => Refined | undefined): Refined | undefined => {
    const all = folds.map(of).filter((one) => one !== undefined);
    return all.length === folds.length ? { ...all[0], ...poolMeasured(all) } : undefined;
  };
  return {
    ...first,
    data: {
      ...first.data,
      train: mean(({ data }) => data.train),
      dev: mean(({ data }) => data.dev),
      test: folds.reduce((sum, { data }) => sum + data.test, 0),
      unusable: mean(({ data }) => data.unusable),
    },
    teacher: poolEvaluations(folds.map(({ teacher }) => teacher)),
    start: poolMeasured(folds.map(({ start }) => start)),
    warmup: refined((fold) => fold.warmup),
    // In an interrupted run, some folds have not reached all losses.
    refined: first.refined.flatMap((_, i) => refined((fold) => fold.refined[i]) ?? []),
  };
}

function poolMeasured(all: readonly Measured[]): Measured {
  return {
    rerank: poolEvaluations(all.map(({ rerank }) => rerank)),
    full: poolEvaluations(all.map(({ full }) => full)),
    zeroShot: Object.fromEntries(
      Object.keys(all[0].zeroShot).map((name) => [
        name,
        poolEvaluations(all.map(({ zeroShot }) => zeroShot[name])),
      ]),
    ),
  };
}

function poolEvaluations(all: readonly Evaluation[]): Evaluation {
  const places = new Map<string, [fold: number, place: number][]>();
  all.forEach(({ queries }, fold) =>
    queries.forEach((qid, i) => places.set(qid, [...(places.get(qid) ?? []), [fold, i]])),
  );
  const average = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const perQuery = Object.fromEntries(
    Object.keys(all[0].perQuery).map((measure) => [
      measure,
      Float64Array.from(places.values(), (met) =>
        average(met.map(([fold, i]) => all[fold].perQuery[measure][i])),
      ),
    ]),
  );
  return {
    queries: [...places.keys()],
    perQuery,
    mean: Object.fromEntries(Object.entries(perQuery).map(([name, values]) => [name, average([...values])])),
  };
}
