// How long does a document take, by row length, instruction set and loss? Measured with one thread and a working set that fits the cache.
import { backends, prepare } from '../dist/index.mjs';
import { leastTime, makeBatch, report, round } from './lib/harness.mjs';

const LENGTHS = [8, 16, 32, 64, 128, 256, 1024, 4096, 16384];
const DOCUMENTS = 65536; // 850 kB of scores, labels and gradients: they fit the second-level cache
const VARIANTS = [
  ['ckl γ=5', 'ckl', { gamma: 5, alpha: 0 }],
  ['ckl γ=2.3', 'ckl', { gamma: 2.3, alpha: 0 }],
  ['ckl γ=5, ranks given', 'ckl', { gamma: 5, alpha: 1 }, true],
  ['ckl γ=5, fresh ranks', 'ckl', { gamma: 5, alpha: 1 }],
  ['kl', 'kl', {}],
  ['bkl', 'bkl', {}],
  ['klLogL', 'klLogL', {}],
  ['marginMse', 'marginMse', {}],
  ['lambdaMrr', 'lambdaMrr', {}],
  ['reverseKl', 'reverseKl', {}],
  ['jsd', 'jsd', {}],
  ['rankNet', 'rankNet', {}],
  ['listMle', 'listMle', {}],
  ['adrMse', 'adrMse', {}],
  ['lambdaNdcg', 'lambdaNdcg', {}],
];
/** Losses over all pairs take O(N²), so longer rows would take minutes. */
const PAIRS = ['rankNet', 'adrMse'];
const LONGEST_OF_PAIRS = 1024;

const rows = [];
for (const docs of LENGTHS) {
  const shape = [DOCUMENTS / docs, docs];
  const batch = makeBatch(...shape);
  const ranks = Uint16Array.from({ length: DOCUMENTS }, (_, i) => 1 + (i % docs));
  for (const [name, loss, parameters, given] of VARIANTS) {
    if (PAIRS.includes(loss) && docs > LONGEST_OF_PAIRS) continue;
    const row = { documents: docs, loss: name };
    for (const cpuTarget of backends().cpu.targets) {
      if (name !== 'ckl γ=5' && cpuTarget !== backends().cpu.target) continue;
      const prepared = prepare(loss, { ...parameters, shape, cpuTarget, threads: 1 });
      const input = given ? { ...batch, ranks } : batch;
      row[cpuTarget] = round(leastTime(() => prepared.run(input)) / DOCUMENTS);
      prepared.dispose();
    }
    rows.push(row);
  }
}
report('ns per document, loss and gradient, float32, in cache, one thread', rows);
