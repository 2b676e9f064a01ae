// How much faster than eager PyTorch on the same CPU, in the same run?
import { timeTorch } from '../dist/lab/cli/bench/torch.js';
import { prepare } from '../dist/index.mjs';
import { leastTime, makeBatch, report, round } from './lib/harness.mjs';

const rows = [];
let version = '';
for (const shape of [
  [65536, 16],
  [16384, 64],
  [1024, 1024],
  [64, 16384],
]) {
  const batch = makeBatch(...shape);
  const documents = shape[0] * shape[1];
  const row = { shape: shape.join('×') };
  for (const threads of [1, 2]) {
    const prepared = prepare('ckl', { gamma: 5, alpha: 0, shape, threads });
    const ours = leastTime(() => prepared.run(batch), 1);
    const torch = await timeTorch(shape, threads, 2);
    if (!torch) {
      console.log(
        'no PyTorch: python3 cannot import torch (Debian: apt-get install python3-torch; or set PYTHON)',
      );
      process.exit(0);
    }
    version = torch.version;
    const theirs = torch.nanoseconds;
    const label = threads === 1 ? 'one thread' : 'two threads';
    row[`${label}: ours, ns/doc`] = round(ours / documents);
    row[`${label}: PyTorch, ns/doc`] = round(theirs / documents, 1);
    row[`${label}: ratio`] = round(theirs / ours, 1);
  }
  rows.push(row);
}
report(`against eager PyTorch ${version}, ckl γ=5, loss and gradient, float32`, rows, {
  peer: `torch ${version}`,
});
