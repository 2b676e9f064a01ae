// Every example runs with plain node and prints what it promises.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backends } from '../../../lib/index';

const folder = join(__dirname, '../../../examples');
const run = (name: string) =>
  execFileSync(process.execPath, [join(folder, name)], { encoding: 'utf8', timeout: 50_000 });

const checks: Record<string, (out: string) => void> = {
  'minimal.mjs': (out) => {
    const losses = [...out.matchAll(/loss (-?[\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(4);
    expect(losses.at(-1)).toBeLessThan(losses[0] - 0.2);
    const [, b, c] = /\* \((.+)\)/.exec(out)![1].split(', ').map(Number);
    expect(Math.abs(b + 1)).toBeLessThan(0.2);
    expect(Math.abs(c - 0.5)).toBeLessThan(0.2);
  },
  'ragged.mjs': (out) => {
    const losses = [...out.matchAll(/loss (-?[\d.]+)/g)].map(([, loss]) => loss);
    expect(losses[0]).toBe(losses[1]);
    expect(out).toContain('largest difference of the gradients 0; gradient of padding 0');
  },
  'resume-with-rank-tracker.mjs': (out) => {
    expect(out).toContain('the same scores, bit for bit');
  },
  'worker-loader.mjs': (out) => {
    const [, before, after] = /^10 batches: mean loss (\S+) -> (\S+)/.exec(out)!.map(Number);
    expect(after).toBeLessThan(before - 0.3);
  },
  'data-parallel.mjs': (out) => {
    const [, one, two] = /one process: loss (\S+); 2 ranks: loss (\S+)/.exec(out)!;
    expect(two).toBe(one);
    expect(Number(/difference of the parameters: (\S+)/.exec(out)![1])).toBeLessThan(1e-9);
  },
  'device-tensors.mjs': (out) => {
    if (!backends().cuda.available) return expect(out).toMatch(/^no GPU to run on: .+\n$/);
    const [, before, after] = /^64 queries on .+: loss (\S+) -> (\S+)/.exec(out)!.map(Number);
    expect(after).toBeLessThan(before - 0.1);
  },
  'any-autograd.mjs': (out) => {
    const losses = [...out.matchAll(/^step \d+ {2}loss (-?[\d.]+)$/gm)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(5);
    expect(losses.at(-1)).toBeLessThan(losses[0] / 10);
  },
  'adapter.mjs': (out) => {
    const found = [...out.matchAll(/positives found (\d+) %$/gm)].map(([, share]) => Number(share));
    expect(found[0]).toBeLessThan(15);
    expect(found.at(-1)).toBeGreaterThan(90);
  },
  'bundled.mjs': (out) => {
    expect(out).toMatch(/^loss -?\d+\.\d+ of 1 query\n$/);
  },
  'warm-up.mjs': (out) => {
    const rows = [...out.matchAll(/^(0\.\d+) +(\d+) {2}(.+)$/gm)].map(([, mrr, above]) => [
      Number(mrr),
      Number(above),
    ]);
    const [[kl], [ckl], [both, above]] = rows;
    expect(both).toBeGreaterThan(kl + 0.03);
    expect(both).toBeGreaterThan(ckl + 0.03);
    expect(above).toBeGreaterThanOrEqual(10);
    expect(Math.abs(ckl - kl)).toBeLessThan(0.02);
    // The table of the guide. Another instruction set rounds differently, which moves a mean of 1200 queries by less than this.
    const guide = readFileSync(join(folder, '../docs/guide/choosing-parameters.md'), 'utf8');
    const [, section] = guide.split('node examples/warm-up.mjs');
    const table = [...section.matchAll(/^\| .+ \| (\.\d{3}) \| (?:in (\d+) of 12)? ?\|$/gm)];
    expect(table).toHaveLength(rows.length);
    table.forEach(([, mrr, times = 0], i) => {
      expect(Math.abs(Number(mrr) - rows[i][0])).toBeLessThan(0.01);
      expect(Math.abs(Number(times) - rows[i][1])).toBeLessThanOrEqual(1);
    });
  },
  // What it does with the package, nothing here checks.
  'embed.mjs': (out) => {
    expect(out).toBe('npm install @huggingface/transformers first\n');
  },
  'tfjs.mjs': (out) => {
    const found = [...out.matchAll(/found (\d+) %/g)].map(([, share]) => Number(share));
    expect(found).toHaveLength(4);
    expect(found.at(-1)).toBeGreaterThan(90);
  },
};

describe('examples (need the build: npm run prepare)', () => {
  it('are all tested', () => {
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith('.mjs'))
        .sort(),
    ).toEqual(Object.keys(checks).sort());
  });
  it.each(Object.keys(checks))('%s', (name) => checks[name](run(name)));
});
