// The paper's periodic refresh of ranks, and a training run that is saved half-way and goes on as if nothing had been.
//
//   node examples/resume-with-rank-tracker.mjs
import { prepare, RankTracker } from 'ckl-loss';

const queries = 24;
const docs = 10;
const batch = 8;
const ids = Array.from({ length: queries }, (_, q) => ({
  query: `q${q}`,
  documents: Array.from({ length: docs }, (_, d) => `d${q}-${d}`),
}));

// Made-up scores. The "model" here is the scores themselves, which plain gradient descent moves.
let seed = 7;
const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647) * 4 - 2;
const start = Float32Array.from({ length: queries * docs }, random);
const teacher = Float32Array.from({ length: queries * docs }, random);
const labels = Uint8Array.from({ length: queries * docs }, (_, i) => (i % docs < 2 ? 1 : 0));

const loss = prepare('ckl', { shape: [batch, docs], gamma: 5, alpha: 1 });

/** Trains from the state on, which is all there is: scores, tracker, batches done. */
function train(state, batches) {
  const { scores, tracker } = state;
  for (; state.done < batches; state.done++) {
    // Every 30 batches all queries are ranked again; in between, beta uses the previous ranks. A real trainer
    // would rank the top documents of an index here; the paper takes the top 50, every 2000 batches.
    if (tracker.due) {
      ids.forEach(({ query, documents }, q) =>
        tracker.set(query, documents, scores.subarray(q * docs, (q + 1) * docs)),
      );
      tracker.refreshed();
    }
    const first = (state.done * batch) % queries;
    const part = [first * docs, (first + batch) * docs];
    const chosen = ids.slice(first, first + batch);
    const ranks = tracker.fill({
      queries: chosen.map(({ query }) => query),
      documents: chosen.flatMap(({ documents }) => documents),
      shape: [batch, docs],
    });
    const student = scores.subarray(...part);
    const result = loss.run({
      student,
      teacher: teacher.subarray(...part),
      labels: labels.subarray(...part),
      ranks,
      shape: [batch, docs],
    });
    result.grad.forEach((g, i) => (student[i] -= 4 * g));
    tracker.tick();
    state.loss = result.loss;
  }
  return state;
}

const fresh = () => ({ scores: start.slice(), tracker: new RankTracker({ every: 30 }), done: 0, loss: NaN });

const straight = train(fresh(), 200);

// The same, but stopped after 100 batches: everything goes through JSON, as through a checkpoint file.
const half = train(fresh(), 100);
const checkpoint = JSON.stringify({ scores: [...half.scores], tracker: half.tracker, done: half.done });
const read = JSON.parse(checkpoint);
const resumed = train(
  {
    scores: Float32Array.from(read.scores),
    tracker: RankTracker.fromJSON(read.tracker),
    done: read.done,
    loss: NaN,
  },
  200,
);
loss.dispose();

console.log(`after 100 batches  loss ${half.loss.toFixed(6)}  checkpoint ${checkpoint.length} bytes`);
console.log(`after 200 batches  loss ${straight.loss.toFixed(6)}`);
console.log(`resumed at 100     loss ${resumed.loss.toFixed(6)}`);
const same = straight.scores.every((score, i) => Object.is(score, resumed.scores[i]));
console.log(same ? 'the resumed run has the same scores, bit for bit' : 'the resumed run differs');
if (!same) process.exitCode = 1;
