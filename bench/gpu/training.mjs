// A training loop on one prepared loss in device memory: how long a step takes, and whether memory stays flat.
//   node --expose-gc bench/gpu/training.mjs [--steps N | --minutes M] [--shape 1024x64]     prints a line of JSON
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { DeviceTensor, devices, prepare } from '../../dist/cuda/index.js';
import { makeBatch } from '../lib/harness.mjs';

const settle = async () => {
  for (let k = 0; k < 5; k++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/**
 * Each step copies new scores in, runs the loss, and every hundredth reads it. A model's part is left out.
 * @param onProgress is told of the numbers so far, every ten seconds
 */
export async function train({
  steps = Infinity,
  minutes = Infinity,
  shape = [1024, 64],
  onProgress = () => {},
}) {
  const [gpu] = devices();
  const host = makeBatch(...shape);
  const loss = prepare('ckl', { gamma: 5, alpha: 1, shape });
  const batch = {
    student: DeviceTensor.from(host.student, { shape }),
    teacher: DeviceTensor.from(host.teacher),
    labels: DeviceTensor.from(host.labels),
  };
  const memory = () => ({ rss: process.memoryUsage().rss, free: gpu.freeMemory() });
  const begin = performance.now();
  // What is made once is made by then.
  const warm = { steps: Math.min(2000, steps / 4), until: begin + Math.min(60e3, (minutes * 60e3) / 4) };
  let before = null;
  let told = begin;
  let worst = { rss: 0, device: 0 };
  let value = 0;
  let done = 0;
  const look = () => {
    if (before === null) return;
    const now = memory();
    worst = {
      rss: Math.max(worst.rss, now.rss - before.rss),
      device: Math.max(worst.device, before.free - now.free),
    };
  };
  for (; done < steps && performance.now() - begin < minutes * 60e3; done++) {
    if (before === null && (done >= warm.steps || performance.now() > warm.until)) {
      await settle();
      before = memory();
    }
    batch.student.copyFrom(host.student);
    const result = loss.run(batch);
    if (done % 100 === 0) value = (await result.readAsync()).loss;
    if (done % 1000 === 0) look();
    if (performance.now() - told < 10e3) continue;
    told = performance.now();
    onProgress({ done, seconds: Math.round((told - begin) / 1e3), ...worst });
  }
  gpu.stream.synchronize();
  const seconds = (performance.now() - begin) / 1e3;
  await settle();
  look();
  loss.dispose();
  for (const tensor of Object.values(batch)) tensor.dispose();
  return {
    shape: shape.join('×'),
    steps: done,
    seconds: Number(seconds.toFixed(1)),
    µsPerStep: Number(((seconds * 1e6) / done).toFixed(1)),
    rssGrowthMB: Number((worst.rss / 1e6).toFixed(1)),
    deviceGrowthMB: Number((worst.device / 1e6).toFixed(1)),
    loss: value,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const text = { type: 'string' };
  const { values } = parseArgs({ options: { steps: text, minutes: text, shape: text } });
  const number = (value) => (value === undefined ? undefined : Number(value));
  const shape = values.shape?.split('x').map(Number);
  console.log(
    JSON.stringify(await train({ steps: number(values.steps), minutes: number(values.minutes), shape })),
  );
}
