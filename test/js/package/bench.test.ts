// `ckl-loss bench`: what it prints, with PyTorch and without. Its times are not judged.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bench, BENCH_HELP, type BenchRow } from '../../../lib/lab/cli/bench/bench.js';
import { UsageError } from '../../../lib/lab/cli/usage.js';

let folder: string;
const python = process.env.PYTHON;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ckl-bench-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  if (python === undefined) delete process.env.PYTHON;
  else process.env.PYTHON = python;
});

async function output(...args: string[]): Promise<string> {
  let text = '';
  expect(await bench(args, { write: (more) => (text += more) })).toBe(0);
  return text;
}

describe('ckl-loss bench', () => {
  it('times every shape and a copy of the same bytes', async () => {
    const report = JSON.parse(
      await output('--json', '--no-peers', '--seconds', '0.001', '--threads', '1'),
    ) as {
      threads: number;
      torch: string | null;
      rows: BenchRow[];
    };
    expect(report).toMatchObject({ threads: 1, torch: null });
    expect(report.rows.map((row) => row.shape)).toEqual([
      '65536 x 16',
      '16384 x 64',
      '1024 x 1024',
      '64 x 16384',
    ]);
    for (const row of report.rows) {
      expect(row.copy).toBeGreaterThan(0);
      expect(row.nanoseconds).toBeGreaterThan(0);
    }
  });

  it('compares with the PyTorch of PYTHON', async () => {
    // A Python that answers for PyTorch: 2^20 documents, at 40 ns each.
    process.env.PYTHON = join(folder, 'python');
    writeFileSync(process.env.PYTHON, '#!/bin/sh\necho 9.8.7 41943040\n');
    chmodSync(process.env.PYTHON, 0o755);
    const text = await output('--seconds', '0.001');
    expect(text).toContain('PyTorch 9.8.7');
    expect(text.match(/ 40\.0 /g)).toHaveLength(4);
  });

  it('says so where there is no PyTorch', async () => {
    process.env.PYTHON = join(folder, 'nothing');
    expect(await output('--seconds', '0.001')).toContain('PyTorch: not found');
  });

  it('explains itself, and refuses what it cannot do', async () => {
    expect(await output('--help')).toBe(BENCH_HELP);
    await expect(bench(['--threads', '0'])).rejects.toThrow(UsageError);
    await expect(bench(['--seconds', 'long'])).rejects.toThrow('--seconds takes a number from 0.001 to 60');
  });
});
