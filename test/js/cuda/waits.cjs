// Waits for a GPU that stands still, and uses libuv's pool meanwhile: waits.test.ts runs this with a pool of one thread.
// The argument is the file that stops the emulated streams; its contents are the handles of those that it stops, or nothing for all.
const { pbkdf2 } = require('node:crypto');
const { readFile, rmSync, writeFileSync } = require('node:fs');
const { promisify } = require('node:util');
const { cklAsync } = require('../../../dist/index.js');
const { allocateHost, DeviceTensor, Stream } = require('../../../dist/cuda/index.js');
const { host, tensors, loss, expected } = require('../../gpu/small-batch.cjs');

const hold = process.argv[2];
const streams = Array.from({ length: 6 }, () => Stream.create());
for (const stream of streams) stream.waitFor(tensors.student.device.stream);
const settled = [];
const noted = (what) => (value) => {
  settled.push(what);
  return value;
};

/** Every way to wait without blocking, many at once. */
function startWaits() {
  const result = loss.run(tensors);
  return [
    ...streams.map((stream) => tensors.student.toArrayAsync({ stream }).then(noted('toArrayAsync'))),
    ...streams.map((stream) => stream.done().then(noted('done'))),
    tensors.student.device.stream.done().then(noted('done')),
    result.readAsync().then(noted('readAsync')),
    ...streams.map(() => cklAsync(host, { backend: 'cuda' }).then(noted('cklAsync'))),
  ];
}

async function usePool() {
  const text = await promisify(readFile)(__filename, 'utf8');
  await promisify(pbkdf2)('password', 'salt', 10, 8, 'sha256');
  return text.length > 0;
}

async function main() {
  // All streams stand still.
  streams[0].synchronize();
  writeFileSync(hold, '');
  const waits = startWaits();
  const used = await usePool();
  console.log(`the pool works: ${used}, settled meanwhile: ${settled.length}`);
  rmSync(hold);
  const values = await Promise.all(waits);
  console.log(`settled: ${settled.length} of ${waits.length}`);
  const read = values[2 * streams.length + 1].loss;
  const onHost = values.slice(-streams.length).map((result) => result.loss);
  console.log(`the losses are right: ${read === expected && onHost.every((x) => x === expected)}`);

  // One stream stands still, and is waited for first.
  const [still, other] = streams;
  const copied = DeviceTensor.from(host.student, { stream: still });
  writeFileSync(hold, String(still.handle));
  settled.length = 0;
  const wait = [
    still.done().then(noted('still')),
    copied.toArrayAsync({ stream: still }).then(noted('still')),
  ];
  await other.done().then(noted('other'));
  await tensors.student.toArrayAsync({ stream: other }).then(noted('other'));
  console.log(`settled before it: ${settled.join(' ')}`);
  rmSync(hold);
  await Promise.all(wait); // nothing else keeps the process alive
  console.log(`settled after it: ${settled.slice(2).join(' ')}`);

  // More than the buffers of copies hold: through them, the second half would wait for the stream. What is written last is copied.
  const [from, to] = [allocateHost(2 << 20), allocateHost(2 << 20)];
  const large = DeviceTensor.allocate(2 << 20);
  writeFileSync(hold, '');
  const copies = [large.copyFromAsync(from, { stream: other }), large.copyToAsync(to, { stream: other })];
  from.fill(3);
  const untouched = to.every((x) => x === 0);
  rmSync(hold);
  await Promise.all(copies);
  console.log(`pinned arrays are read and written in the stream: ${untouched && to.every((x) => x === 3)}`);

  // In the order of the stream.
  settled.length = 0;
  await Promise.all([0, 1, 2, 3, 4].map((k) => other.done().then(noted(k))));
  console.log(`in order: ${settled.join(' ')}`);
}

void main();
