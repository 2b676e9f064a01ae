// What does one call cost from JavaScript, everything included, when the batch is too small to hide it?
import { ckl, cklAsync, prepare } from '../dist/index.mjs';
import { leastMean, leastMeanOver, makeBatch, report, round } from './lib/harness.mjs';

/** The same numbers in arrays that nobody has seen. */
const copyOf = ({ student, teacher, labels, shape }) => ({
  student: new Float32Array(student),
  teacher: new Float32Array(teacher),
  labels: new Uint8Array(labels),
  shape,
});
const microseconds = (nanoseconds) => round(nanoseconds / 1e3);

const rows = [];
for (const shape of [
  [1, 8],
  [4, 8],
  [16, 8],
  [32, 32],
]) {
  const batch = makeBatch(...shape);
  const make = () => copyOf(batch);
  const prepared = prepare('ckl', { gamma: 5, alpha: 0, shape, threads: 1 });
  const options = { gamma: 5, alpha: 0 };
  rows.push({
    shape: shape.join('×'),
    'prepared run, µs': microseconds(leastMean(() => prepared.run(batch))),
    'prepared, new arrays, µs': microseconds(leastMeanOver(make, (b) => prepared.run(b))),
    'plain function, µs': microseconds(leastMean(() => ckl(batch, options))),
    'plain, new arrays, µs': microseconds(leastMeanOver(make, (b) => ckl(b, options))),
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
