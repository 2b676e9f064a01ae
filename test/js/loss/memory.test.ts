// Nothing leaks: many calls, many plans, prepared objects that are dropped without dispose. In a child process that can collect garbage.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Runs `warm` and then `body`, and returns by how many MB the resident memory grew during `body`, garbage collected. */
function growth(body: string, repeat: number): number {
  const code = `
    const { kl, ckl, klAsync, prepare, RankTracker } = require('./dist/index.js');
    const n = 8 * 32;
    const student = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    const teacher = Float32Array.from({ length: n }, (_, i) => Math.cos(i));
    const labels = Uint8Array.from({ length: n }, (_, i) => (i % 32 === 0 ? 1 : 0));
    const batch = { student, teacher, labels, shape: [8, 32] };
    const settle = async () => { for (let i = 0; i < 5; i++) { gc(); await new Promise((r) => setImmediate(r)); } };
    async function run(count) { for (let i = 0; i < count; i++) { ${body} } }
    (async () => {
      await run(${repeat} / 4);
      await settle();
      const before = process.memoryUsage().rss;
      await run(${repeat});
      await settle();
      console.log((process.memoryUsage().rss - before) / 1e6);
    })();`;
  const out = execFileSync(process.execPath, ['--expose-gc', '-e', code], {
    cwd: join(__dirname, '../../..'),
    encoding: 'utf8',
  });
  return Number(out);
}

describe('memory does not grow', () => {
  it.each([
    ['100 000 plain calls', 'kl(batch); if (i % 20000 === 0) gc();', 100_000],
    [
      'plain calls whose options change',
      'ckl(batch, { gamma: 2 + (i % 7) }); if (i % 5000 === 0) gc();',
      20_000,
    ],
    [
      'calls that end in an error',
      'try { kl({ ...batch, labels: new Uint8Array(256).fill(3) }); } catch {}',
      50_000,
    ],
    ['asynchronous calls', 'await klAsync(batch); if (i % 2000 === 0) gc();', 10_000],
    [
      'prepared losses that are dropped',
      "prepare('ckl', { shape: [8, 512] }).run(batch); if (i % 200 === 0) { gc(); await new Promise((r) => setImmediate(r)); }",
      4_000,
    ],
    [
      'prepared losses that are disposed',
      "const p = prepare('ckl', { shape: [8, 512] }); p.run(batch); p.dispose(); if (i % 200 === 0) gc();",
      4_000,
    ],
    [
      'rankings that are replaced',
      'globalThis.t ??= new RankTracker(); t.set(i % 500, Array.from({ length: 30 + (i % 20) }, (_, k) => k + i));',
      50_000,
    ],
  ])('%s', (_, body, repeat) => {
    // What is lent out between two collections is at most a few MB; leaked plans alone would be hundreds.
    expect(growth(body, repeat)).toBeLessThan(30);
  });
});
