// `ckl-loss doctor`: what it prints, what it finds wrong, and that its self-test can fail.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cudaAdvice, type DoctorReport } from '../../../lib/lab/cli/doctor/report';
import { reportText } from '../../../lib/lab/cli/doctor/doctor';
import { readGoldenCases } from '../../../lib/lab/cli/doctor/golden';
import { selfTest } from '../../../lib/lab/cli/doctor/selftest';
import { backends, losses } from '../../../lib/index';
import { goldenCases } from '../loss/golden';

const root = join(__dirname, '../../..');
const { cpu, cuda } = backends();
const cases = readGoldenCases().length;

function doctor(args: string[] = [], variables: Record<string, string> = {}) {
  return spawnSync(process.execPath, ['dist/lab/cli/main.js', 'doctor', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...variables },
  });
}

describe('ckl-loss doctor', () => {
  it('prints what is in use and ends with 0', () => {
    const { status, stdout } = doctor();
    expect(stdout).toMatch(/^ckl-loss \d+\.\d+\.\d+\n/);
    expect(stdout).toContain(`Node ${process.version}`);
    expect(stdout).toContain(`${process.platform}-${process.arch}`);
    expect(stdout).toMatch(/^binary +\S+\.node \((compiled here|prebuilt)\), \d+ kB, by (gcc|clang)/m);
    expect(stdout).toMatch(new RegExp(`^CPU +${cpu.target} .*threads: ${cpu.threads}$`, 'm'));
    expect(stdout).toMatch(/^CUDA +(available|not available: .+; .+)/m);
    for (const target of cpu.targets) expect(stdout).toContain(`self-test  ${target}: ${cases} cases right`);
    expect(stdout).toMatch(/^timing +ckl, 32 queries x 64 documents: [\d.]+ us, \d+ million documents\/s$/m);
    expect(stdout).toMatch(/All is well\.\n$/);
    expect(status).toBe(0);
  });

  it('has the same as JSON', () => {
    const { status, stdout } = doctor(['--json'], { CKL_THREADS: '2', CKL_CPU_TARGET: cpu.targets[0] });
    const report = JSON.parse(stdout) as DoctorReport;
    expect(status).toBe(0);
    expect(report).toMatchObject({
      ok: true,
      problems: [],
      runtime: { name: 'Node', version: process.version },
      cpu: { targets: cpu.targets, target: cpu.targets[0], threads: 2 },
      cuda: { available: cuda.available, reason: cuda.reason },
      environment: { CKL_THREADS: '2', CKL_CPU_TARGET: cpu.targets[0] },
    });
    expect(report.selfTest.length).toBeGreaterThanOrEqual(cpu.targets.length);
    expect(report.timing.every(({ microseconds }) => microseconds > 0)).toBe(true);
  });

  it.each([
    ['CKL_THREADS', 'many', "BROKEN: CKL_THREADS is 'many'"],
    ['CKL_CPU_TARGET', 'sse9', "BROKEN: CKL_CPU_TARGET is 'sse9'"],
    ['CKL_BACKEND', 'gpu', "BROKEN: CKL_BACKEND is 'gpu'"],
  ])('%s=%s is broken, and the rest is still tested', (name, value, problem) => {
    const { status, stdout } = doctor([], { [name]: value });
    expect(status).toBe(1);
    expect(stdout).toContain(problem);
    for (const target of cpu.targets) expect(stdout).toContain(`self-test  ${target}: ${cases} cases right`);
  });

  it('explains itself, and refuses what it does not know', () => {
    expect(doctor(['--help']).stdout).toContain('--json');
    expect(doctor(['--jason'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('did you mean "json"'),
    });
  });
});

describe('the self-test', () => {
  it('has cases of every loss, each a line of the golden file', () => {
    const known = new Map(goldenCases.map((c) => [c.id, c]));
    const cases = readGoldenCases();
    for (const c of cases) expect(c).toEqual(known.get(c.id));
    expect(new Set(cases.map((c) => c.loss))).toEqual(new Set(Object.keys(losses)));
    expect(cases.some((c) => c.ranks) && cases.some((c) => c.beta) && cases.some((c) => c.relevance)).toBe(
      true,
    );
  });

  it('notices a wrong loss, a wrong gradient, a wrong count, and an error', () => {
    const [first] = readGoldenCases();
    const wrong = (change: object) => ({ ...first, expected: { ...first.expected, ...change } });
    const cases = [
      first,
      wrong({ loss: first.expected.loss + 1 }),
      wrong({ grad: first.expected.grad.map((g) => g + 1) }),
      wrong({ counted: false }),
      { ...first, labels: [7, ...first.labels.slice(1)] },
    ];
    const { failures } = selfTest({ backend: 'cpu', cpuTarget: cpu.target }, cases);
    expect(failures).toEqual([
      expect.stringMatching(/loss is .*, not/),
      expect.stringMatching(/grad\[0\] is .*, not/),
      expect.stringMatching(/counted is true/),
      expect.stringMatching(/a label is 1/),
    ]);
  });

  it('that fails is what the report says first', () => {
    const report = JSON.parse(doctor(['--json']).stdout) as DoctorReport;
    report.ok = false;
    report.problems = ['the self-test fails on avx2'];
    report.selfTest[0].failures = ['kl-1: loss is 1, not 2'];
    const text = reportText(report);
    expect(text).toContain(`1 of ${cases} cases WRONG`);
    expect(text).toContain('BROKEN: the self-test fails on avx2');
    expect(text).not.toContain('All is well');
  });
});

describe('advice about CUDA', () => {
  const base = {
    built: true,
    available: false,
    reason: 'x',
    runtimeVersion: 13000,
    driverVersion: 0,
    devices: [],
  };
  const h100 = { name: 'H100', capability: '9.0', memory: 8e10, compiles: false };
  it.each([
    [{ available: true }, /^$/],
    [{ built: false }, /nvcc on the PATH/],
    [{}, /install its driver/],
    [{ driverVersion: 12040 }, /update the NVIDIA driver/],
    [{ driverVersion: 13000 }, /CUDA_VISIBLE_DEVICES/],
    [{ driverVersion: 13000, devices: [h100] }, /nothing to do/],
    [{ available: true, devices: [h100] }, /^$/],
    [{ available: true, devices: [h100, { ...h100, compiles: true }] }, /no machine code for the GPU/],
  ])('%j', (change, advice) => {
    expect(cudaAdvice({ ...base, ...change })).toMatch(advice);
  });
});
