// What does one call cost from JavaScript, everything included, when the batch is too small to hide it?
import { ckl, cklAsync, prepare } from '../dist/index.mjs';
import { leastMean, makeBatch, report, round } from './lib/harness.mjs';

const rows = [];
for (const shape of [
  [1, 8],
  [4, 8],
  [16, 8],
  [32, 32],
]) {
  const batch = makeBatch(...shape);
  const prepared = prepare('ckl', { gamma: 5, alpha: 0, shape, threads: 1 });
  const options = { gamma: 5, alpha: 0 };
  rows.push({
    shape: shape.join('×'),
    'prepared run, µs': round(leastMean(() => prepared.run(batch)) / 1e3),
    'plain function, µs': round(leastMean(() => ckl(batch, options)) / 1e3),
  });
}
const batch = makeBatch(4, 8);
const start = performance.now();
const calls = 2000;
for (let k = 0; k < calls; k++) await cklAsync(batch, { gamma: 5, alpha: 0 });
rows.push({
  shape: '4×8 async',
  'plain function, µs': round(((performance.now() - start) * 1e3) / calls, 1),
});
report('one call from JavaScript, ckl γ=5', rows);
