// A worker thread reads teacher scores and makes batches while the main thread computes. Four slots of shared memory go round between
// the two: the worker fills one, the main thread copies it out, computes, and gives it back. A prepared loss allocates nothing on the way.
// Run: node examples/worker-loader.mjs
import { loadQrels, readTeacher } from 'ckl-loss/data';
import { prepare } from 'ckl-loss';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const [queries, docs, slots] = [16, 32, 4];
const folder = fileURLToPath(new URL('sample/', import.meta.url));

/** The arrays of a slot: scores and labels one after another in one piece of shared memory. */
const slotBytes = queries * docs * 5;
const arraysOf = (memory, slot) => ({
  teacher: new Float32Array(memory, slot * slotBytes, queries * docs),
  labels: new Uint8Array(memory, slot * slotBytes + queries * docs * 4, queries * docs),
});

if (isMainThread) await train();
else await load(workerData);

async function train() {
  const memory = new SharedArrayBuffer(slots * slotBytes);
  const worker = new Worker(new URL(import.meta.url), { workerData: memory });
  const loss = prepare('ckl', { gamma: 2, alpha: 1, shape: [queries, docs], teacherTemperature: 2 });
  // Losses take memory that no other thread can change: a batch is copied out of its slot first.
  const [teacher, labels] = [new Float32Array(queries * docs), new Uint8Array(queries * docs)];
  const student = new Float32Array(queries * docs);
  let [batches, first, last] = [0, 0, 0];
  for await (const { slot, count } of messages(worker)) {
    const shared = arraysOf(memory, slot);
    teacher.set(shared.teacher);
    labels.set(shared.labels);
    worker.postMessage(slot); // may be filled again while this thread computes
    // The "student" here are free scores for each batch; a model's forward and backward pass would stand in this loop.
    student.fill(0);
    const batch = { student, teacher, labels, shape: [count, docs] };
    for (let step = 0; step < 20; step++) {
      const { loss: value, grad } = loss.run(batch);
      if (step === 0) first += value;
      last = step === 19 ? last + value : last;
      for (let i = 0; i < count * docs; i++) student[i] -= 20 * grad[i];
    }
    batches++;
  }
  console.log(
    `${batches} batches: mean loss ${(first / batches).toFixed(4)} -> ${(last / batches).toFixed(4)}`,
  );
  loss.dispose();
}

/** The worker's messages, until it ends. */
async function* messages(worker) {
  const waiting = [];
  let [ended, failed, wake] = [false, null, () => {}];
  worker.on('message', (message) => (waiting.push(message), wake()));
  worker.on('error', (error) => ((failed = error), wake()));
  worker.on('exit', () => ((ended = true), wake()));
  for (;;) {
    while (waiting.length > 0) yield waiting.shift();
    if (failed) throw failed;
    if (ended) return;
    await new Promise((resolve) => (wake = resolve));
  }
}

/** In the worker: lists of the training queries, cut to `docs` documents, padded with label 255. */
async function load(memory) {
  const free = Array.from({ length: slots }, (_, slot) => slot);
  let wake = () => {};
  parentPort.on('message', (slot) => (free.push(slot), wake()));
  const qrels = await loadQrels(`${folder}qrels/train.tsv`);
  let [slot, count] = [-1, 0];
  for await (const list of readTeacher(`${folder}teacher.trec`, 'trec')) {
    const judged = qrels.get(list.qid);
    if (judged === undefined) continue;
    while (slot < 0 && free.length === 0) await new Promise((resolve) => (wake = resolve));
    if (slot < 0) slot = free.pop();
    const { teacher, labels } = arraysOf(memory, slot);
    const best = list.docs.slice(0, docs);
    for (let i = 0; i < docs; i++) {
      const at = count * docs + i;
      teacher[at] = best[i]?.score ?? 0;
      labels[at] = i >= best.length ? 255 : (judged.get(best[i].docid) ?? 0) > 0 ? 1 : 0;
    }
    count++;
    if (count === queries) {
      parentPort.postMessage({ slot, count });
      [slot, count] = [-1, 0];
    }
  }
  if (count > 0) parentPort.postMessage({ slot, count });
  parentPort.close(); // nothing keeps this thread alive now
}
