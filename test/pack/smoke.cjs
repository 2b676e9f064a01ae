// A strong smoke test for any runtime: every loss, both forms, prepared, errors, ranks, worker threads, one class identity.
// Run in a folder where ckl-loss is installed; prints one line.
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const api = require('ckl-loss');
const { selfTest } = require(require.resolve('ckl-loss').replace(/index\.js$/, 'lab/cli/doctor/selftest.js'));

const names = Object.keys(api.losses);
const batch = () => ({
  student: Float32Array.from({ length: 96 }, (_, i) => 3 * Math.sin(i * 1.7)),
  teacher: Float32Array.from({ length: 96 }, (_, i) => 3 * Math.sin(i * 2.3)),
  labels: Uint8Array.from({ length: 96 }, (_, i) => (i % 16 === 5 ? 1 : i % 16 === 9 ? 255 : 0)),
  shape: [6, 16],
});

/** Every loss in every form gives the same bits; the results travel as text so that threads can compare them. */
async function results() {
  const lines = [];
  for (const name of names) {
    const plain = api[name](batch());
    const later = await api[`${name}Async`](batch());
    const prepared = api.prepare(name, { shape: [6, 16] });
    const again = prepared.run(batch());
    for (const other of [later, again]) {
      assert.strictEqual(other.loss, plain.loss, name);
      assert.deepStrictEqual([...other.grad], [...plain.grad], name);
    }
    prepared.dispose();
    assert.throws(() => prepared.run(batch()), { code: 'ERR_CKL_DISPOSED' });
    assert.strictEqual(plain.counted, 6);
    lines.push(`${name} ${plain.loss} ${plain.grad.join(' ')}`);
  }
  return lines.join('\n');
}

async function main() {
  for (const cpuTarget of api.backends().cpu.targets) {
    assert.deepStrictEqual(selfTest({ backend: 'cpu', cpuTarget }).failures, []);
  }
  const own = await results();

  const imported = await import('ckl-loss');
  for (const name of Object.keys(api)) assert.strictEqual(imported[name], api[name], name);
  const wrong = { ...batch(), labels: new Uint8Array(96).fill(7) };
  assert.throws(
    () => imported.kl(wrong),
    (error) =>
      error instanceof api.CklRangeError && error instanceof RangeError && error.code === 'ERR_CKL_LABEL',
  );
  await assert.rejects(api.klAsync(wrong), { code: 'ERR_CKL_LABEL' });
  await assert.rejects(api.klAsync(batch(), { signal: AbortSignal.abort() }), { name: 'AbortError' });

  const tracker = new api.RankTracker({ every: 2 });
  tracker.set('q', ['a', 'b', 'c']);
  assert.strictEqual(tracker.rank('q', 'b'), 2);
  assert.deepStrictEqual(
    [...api.ranks({ student: Float32Array.of(1, 3, 3, 0), shape: [1, 4] })],
    [3, 1, 1, 4],
  );

  // Threads that end with work in flight, and threads whose results are compared.
  const theirs = await Promise.all([1, 2, 3].map(() => inWorker()));
  for (const text of theirs) assert.strictEqual(text, own);

  const out = execFileSync(
    process.execPath,
    [require.resolve('ckl-loss').replace(/index\.js$/, 'lab/cli/main.js'), 'doctor', '--json'],
    {
      encoding: 'utf8',
    },
  );
  const { ok, runtime, addon } = JSON.parse(out);
  assert(ok);
  console.log(`${runtime.name} ${runtime.version}: ${names.length} losses right, ${addon.origin} binary`);
}

function inWorker() {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename);
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (isMainThread) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
} else {
  results().then((text) => {
    void api.klAsync(batch()); // in flight when the thread ends
    parentPort.postMessage(text);
  });
}
