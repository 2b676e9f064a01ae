// How much faster than eager PyTorch on the same CPU, in the same run?
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from '../dist/index.mjs';
import { leastTime, makeBatch, report, round } from './lib/harness.mjs';

const script = fileURLToPath(new URL('./peers/torch_eager.py', import.meta.url));
const python = process.env.PYTHON ?? '/usr/bin/python3';
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
    let answer;
    try {
      answer = execFileSync(python, [script, ...shape, threads].map(String), { encoding: 'utf8' });
    } catch {
      console.log(
        `no PyTorch: ${python} cannot import torch (Debian: apt-get install python3-torch; or set PYTHON)`,
      );
      process.exit(0);
    }
    const [torch, theirs] = answer.trim().split(' ');
    version = torch;
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
