// The peer in JavaScript: the same arithmetic in tfjs on its WebAssembly backend, from a folder where that is installed.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

let loaded;

/** tfjs-core's bundle for Node has no gradients; its modules register them, but only a bundler can read these. */
async function load(folder) {
  const out = mkdtempSync(join(tmpdir(), 'ckl-tfjs-'));
  try {
    const outfile = join(out, 'tfjs.cjs');
    const contents = [
      "export * from '@tensorflow/tfjs-core';",
      "import '@tensorflow/tfjs-core/dist/register_all_gradients';",
      "export * from '@tensorflow/tfjs-backend-wasm';",
    ].join('\n');
    const resolveDir = resolve(folder);
    buildSync({
      stdin: { contents, resolveDir },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      mainFields: ['module', 'main'],
      logLevel: 'error',
    });
    const tf = createRequire(outfile)(outfile);
    tf.setWasmPaths(join(resolveDir, 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'));
    await tf.setBackend('wasm');
    await tf.ready();
    return tf;
  } finally {
    rmSync(out, { recursive: true });
  }
}

/** Least time of a step in nanoseconds. Throws where the loss is not `value`. */
export async function timeTfjs(folder, { name, shapes }, inputs, value, seconds) {
  const tf = (loaded ??= await load(folder));
  const make = (of) => tf.tensor(inputs[of], shapes[of]);
  const [queries, documents] = [make('queries'), make('documents')];
  const teacher = shapes.teacher ? make('teacher') : null;
  const unit = (x) => tf.div(x, tf.sqrt(tf.sum(tf.square(x), -1, true)));
  const kl = (student) => {
    const [lq, lp] = [tf.logSoftmax(student), tf.logSoftmax(teacher)];
    return tf.mean(tf.sum(tf.mul(tf.exp(lp), tf.sub(lp, lq)), -1));
  };
  const [count, tokens, dim] = shapes.queries;
  const losses = {
    lists: (q, d) =>
      kl(tf.mul(20, tf.reshape(tf.matMul(unit(d), tf.expandDims(unit(q), -1)), shapes.teacher))),
    inBatch: (q, d) => kl(tf.mul(20, tf.matMul(unit(q), tf.transpose(unit(d))))),
    maxSim: (q, d) => {
      // Each list's tokens in one product: batches are not broadcast.
      const all = tf.matMul(tf.reshape(d, [count, -1, dim]), tf.transpose(q, [0, 2, 1]));
      return kl(tf.sum(tf.max(tf.reshape(all, [...shapes.documents.slice(0, 3), tokens]), 2), -1));
    },
  };
  const step = () =>
    tf.tidy(() => {
      if (name === 'scores')
        return tf
          .matMul(queries, tf.transpose(documents))
          .dataSync()
          .reduce((a, b) => a + b, 0);
      const { value: loss, grads } = tf.valueAndGrads(losses[name])([queries, documents]);
      for (const grad of grads) grad.dataSync();
      return loss.dataSync()[0];
    });
  const found = step();
  if (!(Math.abs(found - value) <= 1e-3 * Math.abs(value) + 1e-2))
    throw new Error(`${name}: tfjs has ${found}, ckl-loss ${value}`);
  let least = Infinity;
  const end = performance.now() + seconds * 1e3;
  for (let k = 0; k < 3 || performance.now() < end; k++) {
    const start = performance.now();
    step();
    least = Math.min(least, performance.now() - start);
  }
  tf.dispose([queries, documents, ...(teacher ? [teacher] : [])]);
  return least * 1e6;
}
