// Nothing leaks: many calls, many plans, prepared objects that are dropped without dispose. In a child process that can collect garbage.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(__dirname, '../../..');
const run = (code: string, ...flags: string[]): number[] =>
  execFileSync(process.execPath, [...flags, '-e', code], { cwd: root, encoding: 'utf8' })
    .trim()
    .split(' ')
    .map(Number);

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
  return run(code, '--expose-gc')[0];
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

// Finalizers run when the event loop turns, which such a loop does not do.
it('a loop that prepares, runs and drops holds the scratch space of one loss', () => {
  const [peak] = run(`
    const { prepare } = require('./dist/index.js');
    const n = 500_000;
    const student = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    const labels = new Uint8Array(n);
    labels[3] = 1;
    const batch = { student, teacher: student.slice(), labels, shape: [1, n] };
    for (let i = 0; i < 60; i++) prepare('ckl', { shape: [1, n], threads: 1 }).run(batch);
    console.log(process.resourceUsage().maxRSS / 1024);`);
  // One loss takes 18 MB, of which the collector sees 2.
  expect(peak).toBeLessThan(500);
});

it.runIf(existsSync('/proc/self/task'))('threads end with the last plan that uses so many', () => {
  const [before, after] = run(`
    const { ckl } = require('./dist/index.js');
    const shape = [64, 5000];
    const n = shape[0] * shape[1];
    const labels = new Uint8Array(n);
    const batch = { student: new Float32Array(n), teacher: new Float32Array(n), labels, shape };
    for (let b = 0; b < shape[0]; b++) labels[b * shape[1]] = 1;
    const count = () => require('fs').readdirSync('/proc/self/task').length;
    const before = count();
    for (let threads = 2; threads <= 10; threads++) ckl(batch, { threads });
    console.log(before + ' ' + count());`);
  // Pools of 2 to 10 would be 45 threads.
  expect(after - before).toBeLessThan(20);
});
