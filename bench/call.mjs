// What does one call from JavaScript cost in total, for batches so small that the call dominates?
//   --against FOLDER   also measure another build (its dist/ and addon), in turns with this one, and print the ratio of the two
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { leastMean, leastMeanOver, leastMeans, makeBatch, report, round } from './lib/harness.mjs';

const { values: given } = parseArgs({ options: { against: { type: 'string' } }, strict: false });
const load = (folder) => import(pathToFileURL(resolve(folder, 'dist/index.mjs')).href);
const here = await load(new URL('..', import.meta.url).pathname);

const shapes = [
  [1, 8],
  [4, 8],
  [16, 8],
  [32, 32],
];
/** The same numbers in new arrays. */
const copyOf = ({ student, teacher, labels, shape }) => ({
  student: new Float32Array(student),
  teacher: new Float32Array(teacher),
  labels: new Uint8Array(labels),
  shape,
});
const microseconds = (nanoseconds) => round(nanoseconds / 1e3);
const options = { gamma: 5, alpha: 0 };

/** One build's calls on one batch, by name. */
function callsOf({ ckl, prepare }, shape) {
  const prepared = prepare('ckl', { ...options, shape, threads: 1 });
  return {
    'prepared run': { call: (b) => prepared.run(b), fresh: false },
    'prepared, new arrays': { call: (b) => prepared.run(b), fresh: true },
    'plain function': { call: (b) => ckl(b, options), fresh: false },
    'plain, new arrays': { call: (b) => ckl(b, options), fresh: true },
  };
}

async function measure() {
  const rows = [];
  for (const shape of shapes) {
    const batch = makeBatch(...shape);
    const row = { shape: shape.join('×') };
    for (const [name, { call, fresh }] of Object.entries(callsOf(here, shape))) {
      const took = fresh ? leastMeanOver(() => copyOf(batch), call) : leastMean(() => call(batch));
      row[`${name}, µs`] = microseconds(took);
    }
    rows.push(row);
  }
  const batch = makeBatch(4, 8);
  const start = performance.now();
  const calls = 2000;
  for (let k = 0; k < calls; k++) await here.cklAsync(batch, options);
  rows.push({
    shape: '4×8 async',
    'plain function, µs': round(((performance.now() - start) * 1e3) / calls, 1),
  });
  report('one call from JavaScript, ckl γ=5', rows);
}

async function compare(folder) {
  const other = await load(folder);
  const rows = [];
  for (const shape of shapes) {
    const batch = makeBatch(...shape);
    const builds = [callsOf(here, shape), callsOf(other, shape)];
    for (const [name, { fresh }] of Object.entries(builds[0])) {
      const arguments_ = fresh ? () => copyOf(batch) : () => batch;
      const [ours, theirs] = leastMeans(
        builds.map((build) => build[name].call),
        arguments_,
      );
      rows.push({
        shape: shape.join('×'),
        call: name,
        'this build, µs': microseconds(ours),
        'other build, µs': microseconds(theirs),
        ratio: round(ours / theirs, 2),
      });
    }
  }
  const against = await import(pathToFileURL(resolve(folder, 'package.json')).href, {
    with: { type: 'json' },
  });
  report('one call from JavaScript, ckl γ=5, against another build', rows, {
    against: against.default.version,
  });
}

await (given.against ? compare(given.against) : measure());
