// How fast is a GPU, compared with a copy of the same bytes, PyTorch and Triton in the same run? bench/README.md describes the method.
//   --quick           only five shapes and three variants, in two minutes
//   --shapes LIST     such as 64x50,1024x262144, or none        --dtypes LIST   of float32,bfloat16
//   --variants LIST   such as "γ=5,γ=5, fresh ranks", separated by ;
//   --peers LIST      of triton,eager,compile,liger (default all), or none
//   --compile-all     torch.compile for every variant, not only γ=5 (ten seconds each)
//   --seconds S       per figure (default 0.15; 0.05 with --quick)
//   --no-calls        leave out the measurements from JavaScript
//   --minutes M       then run a training loop for M minutes and watch its memory
//   --json FILE       default bench/results/gpu-NAME.json, where NAME is the GPU's; "none" for no file
//   --markdown [FILE] print the tables for docs/performance.md, from this run or from a file of results
//   --require         without a GPU, exit with 3, so that a driver that does not respond is a failure
//   --emulated        use emulated kernels, to test this program
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as cases from './gpu/cases.mjs';
import { chipOf, predict } from './gpu/model.mjs';
import { heading, judge, lineOf, markdown } from './gpu/report.mjs';
import { commit, machine } from './lib/harness.mjs';

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ quick: flag, emulated: flag, require: flag, markdown: flag, 'no-calls': flag, 'compile-all': flag },
    ...{ shapes: text, dtypes: text, variants: text, peers: text, seconds: text, minutes: text, json: text },
  },
});

if (values.markdown && positionals.length > 0) {
  console.log(markdown(JSON.parse(readFileSync(positionals[0], 'utf8'))));
  process.exit(0);
}
const { backends } = await import('../dist/index.mjs');
const { cuda } = backends();
if (!cuda.available) {
  console.log(`no GPU here: ${cuda.reason}`);
  process.exit(values.require ? 3 : 0);
}
const { Batches, gpu, isEmulated, timeOurs } = await import('./gpu/ours.mjs');
const { Peers, verify } = await import('./gpu/peers.mjs');
if (isEmulated !== values.emulated) {
  console.error(
    `this is ${isEmulated ? 'an emulated' : 'a real'} GPU: its times are ${isEmulated ? 'none; --emulated' : 'real; without --emulated'}`,
  );
  process.exit(1);
}

const list = (option, all, separator = ',') =>
  option === undefined ? all : option.split(separator).map((s) => s.trim());
const shapes =
  values.shapes === 'none'
    ? []
    : values.shapes
      ? values.shapes.split(',').map((shape) => shape.split('x').map(Number))
      : isEmulated
        ? cases.emulatedShapes
        : values.quick
          ? cases.quickShapes
          : cases.shapes;
const dtypes = list(values.dtypes, Object.keys(cases.dtypes));
const quickVariants = ['γ=5', 'γ=5, ranks given', 'γ=5, fresh ranks'];
const names = list(
  values.variants,
  values.quick ? quickVariants : cases.variants.map(({ name }) => name),
  ';',
);
const variants = cases.variants.filter(({ name }) => names.includes(name));
const peerNames = values.peers === 'none' ? [] : list(values.peers, ['triton', 'eager', 'compile', 'liger']);
const seconds = Number(values.seconds ?? (isEmulated ? 0.001 : values.quick ? 0.05 : 0.15));

/** torch.compile takes ten seconds per shape, and each Triton kernel a second, so the quick run has fewer of both. */
function peersFor(variant, dtype) {
  const first = variant.name === 'γ=5';
  const leaveOut = new Set();
  if (!values['compile-all'] && (!first || (values.quick && dtype !== 'float32'))) leaveOut.add('compile');
  if (values.quick && !first) leaveOut.add('triton');
  return peerNames.filter((name) => !leaveOut.has(name));
}

function driver() {
  try {
    const args = ['--query-gpu=driver_version', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', args, { encoding: 'utf8' }).trim().split('\n')[0];
  } catch {
    return `CUDA ${cuda.driverVersion / 1000}`;
  }
}

const peers = peerNames.length > 0 ? await Peers.start(isEmulated ? 'cpu' : 'cuda') : null;
console.log(
  `${gpu.name} (${gpu.capability}), ${peers ? JSON.stringify(peers.hello) : 'no peers: python3 has no PyTorch, or none were asked for'}`,
);
if (peers) {
  // torch.compile takes ten seconds per variant, so one variant stands for all.
  const checked = await verify(peers, peerNames, variants, values['compile-all'] ? null : ['compile']);
  console.log(`the same losses and gradients on the CPU and by ${checked.join('; ')}`);
}

const name = gpu.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
const file =
  values.json ?? (isEmulated ? 'none' : fileURLToPath(new URL(`results/gpu-${name}.json`, import.meta.url)));
const result = {
  question: 'loss and gradient on a GPU, against a copy of the least bytes and other implementations',
  gpu: gpu.name,
  capability: gpu.capability,
  memoryGiB: Math.round(gpu.totalMemory / 2 ** 30),
  driver: driver(),
  host: machine(),
  peer: peers?.hello ?? null,
  commit: commit(),
  date: new Date().toISOString().slice(0, 10),
  calls: [],
  training: null,
  rows: [],
};
/** Saves the results after each part, so that an interrupted run keeps them. */
const save = () => file === 'none' || writeFileSync(file, JSON.stringify(result, null, 1) + '\n');

/** Measures one configuration: our kernels, then the peers, after our memory was freed. `plain`: our result without ranks. */
async function measure(shape, dtype, variant, plain) {
  if (variant.ranks === 'fresh' && shape[1] > cases.longestFresh) return null;
  const sets = cases.setsOf(shape, dtype, variant, isEmulated);
  const batches = new Batches(shape, dtype, sets);
  const ours = timeOurs(batches, shape, dtype, variant, seconds);
  batches.dispose();
  let theirs = null;
  if (peers) {
    const bytes = cases.bytesOf(shape, dtype, variant);
    const graph = cases.isLatency(shape) && !isEmulated;
    const job = { ask: 'time', shape, dtype, sets, seconds, bytes, graph, peers: peersFor(variant, dtype) };
    theirs = await peers.ask({ ...variant, ...job });
    if (theirs.error) console.log(`  peers: ${theirs.error}`);
  }
  return { ours, row: judge({ shape, dtype, variant, ours, peers: theirs?.error ? null : theirs }, plain) };
}

console.log(heading);
for (const shape of shapes) {
  for (const dtype of dtypes) {
    let plain;
    for (const variant of variants) {
      const measured = await measure(shape, dtype, variant, plain);
      if (!measured) continue;
      const { ours, row } = measured;
      if (variant.name === 'γ=5') plain = ours.run;
      const chip = chipOf(gpu.name);
      if (chip && variant.name === 'γ=5' && !cases.isLatency(shape)) {
        const { low, high } = predict(shape, dtype, chip);
        row.model = `model ${Math.round(100 * low)}–${Math.round(100 * high)} %`;
      }
      result.rows.push(row);
      console.log(lineOf(row));
    }
  }
  save();
}
const words = peers?.takeWords();
if (words) console.log(`the peers say:\n${words}`);
peers?.end();

if (!values['no-calls']) {
  const { timeCalls } = await import('./gpu/calls.mjs');
  result.calls = await timeCalls();
  console.table(result.calls);
  save();
}
if (values.minutes) {
  const { train } = await import('./gpu/training.mjs');
  const MB = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  const onProgress = ({ done, seconds: s, rss, device }) =>
    console.log(`${s} s: ${done} steps, resident memory +${MB(rss)}, device memory +${MB(device)}`);
  result.training = await train({ minutes: Number(values.minutes), onProgress });
  console.log(result.training);
  save();
}
const missed = result.rows.filter((row) => row.missed.length > 0);
console.log(`${result.rows.length} figures, ${missed.length} short of what is to be reached`);
if (values.markdown) console.log(markdown(result));
