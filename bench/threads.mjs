// How much does a second thread gain, and is it ever slower?
import { prepare } from '../dist/index.mjs';
import { leastTime, makeBatch, report, round } from './lib/harness.mjs';

const SHAPES = [
  [64, 64],
  [512, 64],
  [1024, 64],
  [2048, 64],
  [16384, 64],
  [65536, 16],
  [1024, 1024],
  [64, 16384],
  [65536, 64],
];

const rows = [];
for (const shape of SHAPES) {
  const batch = makeBatch(...shape);
  const times = [1, 2].map((threads) => {
    const prepared = prepare('ckl', { gamma: 5, alpha: 0, shape, threads });
    const time = leastTime(() => prepared.run(batch), 1);
    prepared.dispose();
    return time;
  });
  rows.push({
    shape: shape.join('×'),
    'one thread, µs': round(times[0] / 1e3, 1),
    'two threads, µs': round(times[1] / 1e3, 1),
    speedup: round(times[0] / times[1], 2),
  });
}
report('two threads against one, ckl γ=5, float32', rows);
