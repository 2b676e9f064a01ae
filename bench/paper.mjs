// How much faster than eager PyTorch is the paper's own setting, with given ranks or ranks of the current scores, and padded lists? One thread each.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../dist/index.mjs';
import { leastTime, makeBatch, report, round } from './lib/harness.mjs';

const script = new URL('lib/paper_torch.py', import.meta.url).pathname;
const settings = [
  { name: 'no ranks', ranks: 'none' },
  { name: 'ranks given', ranks: 'given' },
  { name: 'fresh ranks', ranks: 'fresh' },
  { name: 'padded', ranks: 'none', padded: true },
  { name: 'padded, ranks given', ranks: 'given', padded: true },
  { name: 'padded, fresh ranks', ranks: 'fresh', padded: true },
];

/** Normal scores, their ranks, one positive per query. `padded`: lists of 60 to 100 % of the length. */
function makeLists([queries, docs], padded) {
  const { student, teacher, labels } = makeBatch(queries, docs);
  const ranks = new Int32Array(queries * docs).fill(1);
  let documents = 0;
  for (let b = 0; b < queries; b++) {
    const row = labels.subarray(b * docs, (b + 1) * docs);
    const length = padded
      ? Math.max(row.indexOf(1) + 1, Math.ceil(docs * (0.6 + (0.4 * ((b * 7) % 16)) / 15)))
      : docs;
    row.fill(255, length);
    documents += length;
    const scores = student.subarray(b * docs, b * docs + length);
    Array.from(scores.keys())
      .sort((i, j) => scores[j] - scores[i])
      .forEach((i, k) => (ranks[b * docs + i] = k + 1));
  }
  return { student, teacher, labels, ranks, documents };
}

/** The peer on the same numbers: its loss and the minimum time of a call in nanoseconds. */
function timePeer(lists, shape, ranks) {
  const folder = mkdtempSync(join(tmpdir(), 'ckl-paper-'));
  try {
    for (const name of ['student', 'teacher', 'labels', 'ranks'])
      writeFileSync(join(folder, name), lists[name]);
    const args = [script, folder, ...shape, ranks, 2].map(String);
    const out = execFileSync(process.env.PYTHON || 'python3', args, { encoding: 'utf8' });
    const [version, loss, nanoseconds] = out.trim().split(' ');
    return { version, loss: Number(loss), nanoseconds: Number(nanoseconds) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let version = '';
const rows = [];
for (const shape of [
  [1024, 64],
  [512, 128],
  [64, 1024],
]) {
  for (const { name, ranks, padded = false } of settings) {
    const lists = makeLists(shape, padded);
    const prepared = prepare('ckl', { gamma: 5, alpha: ranks === 'none' ? 0 : 1, shape, threads: 1 });
    const { student, teacher, labels } = lists;
    const batch = { student, teacher, labels, ...(ranks === 'given' && { ranks: lists.ranks }) };
    const ours = leastTime(() => prepared.run(batch), 1);
    const { loss } = prepared.run(batch);
    const peer = timePeer(lists, shape, ranks);
    if (!(Math.abs(peer.loss - loss) <= 1e-4 * Math.abs(loss)))
      throw new Error(`${name}: PyTorch has a loss of ${peer.loss}, ckl-loss one of ${loss}`);
    version = peer.version;
    rows.push({
      shape: shape.join('×'),
      setting: name,
      'ours, ns/doc': round(ours / lists.documents, 2),
      'PyTorch, ns/doc': round(peer.nanoseconds / lists.documents, 1),
      ratio: round(peer.nanoseconds / ours, 1),
    });
  }
}
report(
  `the paper's setting against eager PyTorch ${version}: ckl γ=5 (α=1 with ranks), loss and gradient, float32, one thread`,
  rows,
  {
    peer: `torch ${version}`,
  },
);
