// What fraction of a copy's speed the compiled kernels can reach, from their instructions, bytes in flight and blocks
// (bench/results/cuda-budget.json) and a few numbers of the chip. A prediction to be held beside a measurement, not one.
//
//   node bench/gpu/model.mjs [h100|h200]    prints it for the shapes of bench:gpu
//
// A multiprocessor is a closed queueing network: its blocks are the customers, or its warps where warps do not wait for each other;
// memory (its share of a copy's speed) and the issue slots are the servers, and latencies are waited for in parallel. `high` is the
// bound that no schedule passes; `low` is by mean value analysis, where blocks come at random. There is no cache in it, and memory
// does not tire of changing from reads to writes.
//
// fast_team is another matter: a block asks for its next row as soon as it has read one, so memory works while it computes. There,
// `low` has all blocks of a multiprocessor in step. Their rows are asked for at once, and come at the multiprocessor's share of a
// copy's speed after memory's latency. Where shared memory has room, the student's scores are asked for a row earlier, and come during
// that latency; otherwise nothing hides it. Gradients, which are written meanwhile, take their share of that time.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { blockBytes, blocksAtOnce, stretchBytes } from '../../test/cuda/sass.mjs';
import { bytesOf, dtypes, isLatency, shapes, variants } from './cases.mjs';

/** Bytes a second of a copy, as reported for these chips; the rest from NVIDIA's data sheets. */
export const chips = {
  h100: { name: 'H100', processors: 132, clock: 1.75e9, copy: 3.0e12 },
  h200: { name: 'H200', processors: 132, clock: 1.85e9, copy: 4.3e12 },
};

/** The chip of a GPU's name; undefined for others. */
export const chipOf = (name) => Object.values(chips).find((chip) => name.includes(chip.name));

/** Seconds: from asking memory to the first byte, a reduction over a warp, a block; pushing values to the peers of a cluster until they
 * see them; a launch behind another, the first of a run. */
const latency = {
  memory: 0.6e-6,
  warp: 0.08e-6,
  block: 0.2e-6,
  cluster: 0.35e-6,
  launch: 1.0e-6,
  start: 2.5e-6,
};
const budget = JSON.parse(readFileSync(new URL('../results/cuda-budget.json', import.meta.url), 'utf8'));

/** As launch/stage.h: the documents of a warp of fast_team. */
const stretch = 1024;

/** As launch/kernel_table.h on sm_90: the class of a row. */
function classOf(docs, size) {
  if (docs <= stretch) {
    const elements = docs <= 32 ? 16 : 32;
    const least = docs <= 16 ? 1 : docs <= 128 ? 2 : 8;
    const width = Math.min(32, Math.max(least, 2 ** Math.ceil(Math.log2(docs / elements))));
    return { kernel: `lanes ${elements}`, elements, width, threads: 128, cluster: 1, rows: 128 / width };
  }
  const cluster = docs <= 16 * stretch ? 1 : 2 ** Math.ceil(Math.log2(docs / (16 * stretch)));
  if (cluster <= 16) {
    const warps = Math.ceil(docs / (stretch * cluster));
    const one = warps * stretchBytes(stretch, size, 0) + blockBytes;
    const two = one + warps * (stretch * size + 16);
    return { kernel: 'team 32', elements: 32, warps, threads: warps * 32, cluster, rows: 1, one, two };
  }
  return { kernel: 'grid 16', elements: 16, width: 256, threads: 256, cluster: 1, rows: 1, sweeps: 3 };
}

/** Instructions of a thread for its part of a row. */
function instructionsOf(docs, dtype, { kernel, elements, width, warps, cluster }) {
  const counted = (n) => {
    const way = budget.ways.find((one) => one.docs === n);
    return (way[dtype].instructions * n) / way.threads;
  };
  // Of a sweep, on average.
  if (kernel === 'grid 16')
    return (16 * budget.sweeps.reduce((sum, sweep) => sum + sweep[dtype].instructions, 0)) / 3;
  const vector = dtype === 'float32' ? 4 : 8;
  const loose = docs % vector !== 0;
  if (kernel === 'team 32') {
    // A warp with fewer documents than it has room for takes longer than the others, and they wait for it. Rows that do not begin at
    // 16 bytes are read from shared memory word by word: half an instruction more per document and word of scores or labels.
    const whole = counted(warps <= 4 ? 4096 : warps <= 8 ? 8192 : 16384);
    const short =
      docs % stretch !== 0
        ? (5000 * budget.ways.find((one) => one.docs === 5000)[dtype].instructions - 4 * 32 * counted(4096)) /
            32 -
          whole
        : 0;
    return whole + short / (warps * cluster) + (loose ? 24 : 0);
  }
  const short = !loose && docs < width * elements;
  if (kernel === 'lanes 16') return counted(width === 1 ? 16 : 32) + (short || loose ? 100 : 0);
  return counted(loose ? (docs % 2 === 0 ? 50 : 1001) : short ? 1000 : width < 8 ? 64 : 1024);
}

/** Special functions per document. */
function specialOf({ kernel }) {
  const docs = kernel === 'team 32' ? 4096 : kernel === 'lanes 16' ? 32 : 1024;
  return budget.ways.find((way) => way.docs === docs).float32.special;
}

/** Rounds a second of `customers`, each `memory` and `issue` seconds of a server and `wait` seconds on its own. */
function throughput(customers, memory, issue, wait) {
  const queue = [0, 0];
  let low = 0;
  for (let n = 1; n <= customers; n++) {
    const stay = [memory * (1 + queue[0]), issue * (1 + queue[1])];
    low = n / (wait + stay[0] + stay[1]);
    queue[0] = low * stay[0];
    queue[1] = low * stay[1];
  }
  return { low, high: Math.min(customers / (wait + memory + issue), 1 / Math.max(memory, issue)) };
}

/**
 * The same for blocks that ask for their next row as soon as they have read one, `turn` seconds after it has come. All blocks of a
 * multiprocessor in step, at worst. `early`: the part of a row's memory time that was asked for a row before.
 */
function throughputAhead(blocks, memory, issue, wait, turn, early) {
  const comes = (rows) => Math.max(rows * memory, latency.memory + turn + rows * memory * (1 - early));
  const low = blocks / Math.max(comes(blocks), wait + blocks * issue);
  const alone = Math.max(comes(1), wait + issue);
  return { low, high: Math.min(blocks / alone, 1 / Math.max(memory, issue)) };
}

/** The fraction of a copy, low and high, of ckl with gamma 5 and a mean. */
export function predict([queries, docs], dtype, chip) {
  const row = classOf(docs, dtypes[dtype]);
  const type = dtype === 'float32' ? 'float32' : 'two-byte';
  const { blocks: atOnce, registers } = budget.sm_90.find(
    (one) => one.kernel === row.kernel && one.type === type,
  );
  const ahead = row.kernel === 'team 32';
  const room = (shared) => blocksAtOnce('90', registers, row.threads, shared);
  const blocks = ahead ? room(row.one) : atOnce;
  const bytes = bytesOf([queries, docs], dtype, variants[0]);
  const least = bytes / chip.copy;
  const sweeps = row.sweeps ?? 1;
  // Three sweeps read scores and labels three times and write once.
  const moved = sweeps === 1 ? bytes : bytes + 2 * queries * docs * (2 * dtypes[dtype] + 1);
  const lanes = row.rows > 1;
  const warps = lanes ? row.threads / 32 : 1; // that go through their rows on their own
  const perRound = (row.kernel === 'grid 16' ? 4096 : (row.rows * docs) / row.cluster) / warps;
  const rounds = (queries * docs) / perRound;
  const perDocument = moved / (queries * docs);
  // Clusters lie within a group of multiprocessors, most of which have 16 or 18: those of four blocks and more leave the rest without work.
  const processors = row.cluster <= 2 ? chip.processors : Math.floor(chip.processors / 16) * 16;
  const memory = (perDocument * perRound) / (chip.copy / processors);
  const slots = (instructionsOf(docs, dtype, row) * (row.threads / 32) * sweeps) / warps;
  // A multiprocessor computes 16 special functions per cycle.
  const special = (specialOf(row) * perRound) / (16 * chip.clock);
  const issue = Math.max(slots / (4 * chip.clock), special);
  const reductions = 3 * (lanes ? latency.warp : latency.block);
  const cluster = row.cluster > 1 ? 3 * latency.cluster : 0;
  // What is asked for ahead is not waited for here.
  const wait = sweeps * ((ahead ? 0 : latency.memory) + reductions) + cluster;
  // As launch/enqueue.cc: if as many blocks find room with two copies of the student's scores. These are part of what is read.
  const early = ahead && room(row.two) === blocks ? dtypes[dtype] / perDocument : 0;
  // Each warp asks on its own; its instructions until then follow each other at intervals of 2.5 cycles, as most do not depend on the
  // one before.
  const asked = ahead ? budget.ways.find((one) => one.docs === 16384)[dtype].asked : 0;
  const pace = ahead
    ? throughputAhead(blocks, memory, issue, wait, (2.5 * asked) / chip.clock, early)
    : throughput(blocks * warps, memory, issue, wait);
  // The grid's barrier, where the batch runs at once, takes about as long as a launch behind another.
  const together = blocks * warps * processors;
  const launches =
    sweeps > 1
      ? budget.launches.grid
      : rounds <= together && row.cluster === 1
        ? budget.launches['one wave'] + 1
        : budget.launches[docs <= 1024 ? 'up to 1,024 documents' : 'block or cluster'];
  const overhead = latency.start + (launches - 1) * latency.launch;
  const fraction = (perSecond) => least / (rounds / processors / perSecond + overhead);
  return { low: Math.min(1, fraction(pace.low)), high: Math.min(1, fraction(pace.high)) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const chosen = process.argv[2] ? [process.argv[2]] : Object.keys(chips);
  const percent = (x) => Math.round(100 * x);
  for (const key of chosen) {
    console.log(`${chips[key].name}: percent of a copy's speed, ckl with gamma 5`);
    console.table(
      shapes
        .filter((shape) => !isLatency(shape))
        .map((shape) => {
          const cells = { shape: shape.join('×') };
          for (const dtype of Object.keys(dtypes)) {
            const { low, high } = predict(shape, dtype, chips[key]);
            cells[dtype] = `${percent(low)}–${percent(high)}`;
          }
          return cells;
        }),
    );
  }
}
