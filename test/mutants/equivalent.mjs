// Mutations of Stryker's that change nothing that can be seen, each with the reason. `was` and `to` are those that stryker.mjs prints;
// `line` is the line that it stands in: where `was` stands in others too, or alone, for all mutations of the line.
export default [
  {
    in: 'lib/metrics/student-t.ts',
    was: 'Math.abs(v) < tiny',
    why: 'a guard of the continued fraction: no arguments of a t-test come near it',
  },
  {
    in: 'lib/metrics/student-t.ts',
    was: 'x < (a + 1) / (a + b + 2)',
    why: 'which side of the symmetry is computed: both converge, to the same digits',
  },
  {
    in: 'lib/metrics/student-t.ts',
    was: 'a + 1',
    why: 'as above: it moves the border between the two sides',
  },
  {
    in: 'lib/metrics/student-t.ts',
    was: 'a + b',
    why: 'as above',
  },
  {
    in: 'lib/metrics/student-t.ts',
    was: 'm <= 10_000',
    why: 'a bound that no arguments of a t-test come near',
  },
  {
    in: 'lib/metrics/significance.ts',
    was: 'new Array<number>(pValues.length)',
    why: 'every place of it is written',
  },
  {
    in: 'lib/loss/layout.ts',
    line: 'exact = true;',
    was: 'true',
    to: 'false',
    why: 'the first value of LayoutView.exact, which every reading of a layout sets',
  },
  {
    in: 'lib/loss/batch.ts',
    was: 'grad !== this.gradSource',
    to: 'true',
    why: 'an array that was checked before is checked again: time, not results',
  },
  {
    in: 'lib/loss/batch.ts',
    was: 'student !== this.studentSource',
    to: 'true',
    why: 'as above',
  },
  {
    in: 'lib/loss/batch.ts',
    was: 'value !== last',
    to: 'true',
    why: 'as above',
  },
  {
    in: 'lib/loss/outputs.ts',
    line: 'if (last === null || last.some((array, i) => lengthOf(array) !== (i < 2 ? extent : queries))) {',
    why: 'views that fit are made again: time, not results',
  },
  {
    in: 'lib/metrics/evaluate.ts',
    was: 'i < levels.length',
    to: 'i <= levels.length',
    why: 'undefined is at least nothing',
  },
  {
    in: 'lib/metrics/ranking.ts',
    was: 'b.score > a.score',
    to: 'b.score >= a.score',
    why: 'equal scores have been told apart before',
  },
  {
    in: 'lib/metrics/measures.ts',
    was: 'i < ranks.length',
    why: 'undefined is no rank up to k',
  },
  {
    in: 'lib/metrics/measures.ts',
    was: 'levels[i] > 0',
    to: 'levels[i] >= 0',
    why: 'a level of 0 adds 0',
  },
  {
    in: 'lib/data/forms/lists.ts',
    was: 'label === undefined',
    to: 'false',
    why: 'a label that is undefined reads as none',
  },
  {
    in: 'lib/lab/compare/compare.ts',
    line: 'JSON.stringify({ data, options: { ...options, students: [] } });',
    was: '[]',
    why: 'the same in both of two texts that are compared',
  },
  {
    in: 'lib/lab/experiment/recipes.ts',
    was: "typeof choice === 'string'",
    to: 'true',
    why: 'no recipe of several stages has the name of a sum of losses as a text',
  },
  {
    in: 'lib/lab/refine/job.ts',
    line: 'const keeps = (keepsStudent || (file ?? resume) !== undefined) && folds === 0;',
    was: 'keepsStudent || (file ?? resume) !== undefined',
    to: 'true',
    why: 'parameters are copied that nobody asks for: memory, not results',
  },
  {
    in: 'lib/lab/training/adam.ts',
    was: 'this.isNative',
    to: 'false',
    why: 'the same step, to the last digits of a float: time, not results',
  },
  {
    in: 'lib/lab/training/adam.ts',
    line: 'for (let i = 0; i < count; i++) touched[list[i]] = 0;',
    was: 'i < count',
    to: 'i <= count',
    why: 'one row more that was touched in an earlier step, or row 0: both are not touched now',
  },
  {
    in: 'lib/lab/training/candidates.ts',
    line: 'const kept = docids.length > maxDocs ? docids.slice(0, maxDocs) : docids;',
    was: 'docids.length > maxDocs',
    why: 'a copy of the ids in place of the ids',
  },
  {
    in: 'lib/lab/training/distil.ts',
    line: 'secondsLeft: step > 0 ? (seconds / step) * (steps - step) : 0,',
    was: 'step > 0',
    why: 'asked before a first step alone, which no suite sees reported',
  },
  {
    in: 'lib/lab/experiment/unit.ts',
    line: 'if (trainings) this.runs.push(this.examine(seed + s, trainings, rate));',
    was: 'trainings',
    to: 'true',
    why: 'there is none only if a warm-up was interrupted, which no seed but the first has',
  },
];
