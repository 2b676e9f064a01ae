// backends(), the choice of backend, instruction set and threads, and the environment variables, each in a process of its own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backends, kl, prepare } from '../../../lib/index';
import { errorOf, expectClose, randomBatch } from '../loss/helpers';

const batch = randomBatch({ seed: 51, queries: 3, docs: 9 });
const { cpu, cuda } = backends();

describe('backends()', () => {
  it('tells what there is', () => {
    expect(cpu.available).toBe(true);
    expect(cpu.targets.length).toBeGreaterThan(0);
    expect(cpu.targets).toContain(cpu.target);
    expect(cpu.threads).toBeGreaterThan(0);
    expect(typeof cpu.compiler).toBe('string');
  });

  it('gives a reason exactly when CUDA is not available', () => {
    expect(cuda.reason === '').toBe(cuda.available);
    expect(cuda.devices.length > 0).toBe(cuda.available);
  });
});

describe('the options', () => {
  it.each(cpu.targets)('cpuTarget %s is what runs', (cpuTarget) => {
    using prepared = prepare('kl', { shape: [3, 9], cpuTarget });
    expect(prepared.target).toBe(cpuTarget);
    expectClose(prepared.run(batch).grad, kl(batch).grad, 1e-6);
  });

  it('threads is how many run; 0 is all there are', () => {
    expect(prepare('kl', { shape: [3, 9], threads: 3 }).threads).toBe(3);
    expect(prepare('kl', { shape: [3, 9], threads: 0 }).threads).toBe(cpu.threads);
  });

  it('backend auto and cpu run host arrays on the CPU', () => {
    expect(prepare('kl', { shape: [3, 9], backend: 'auto' }).backend).toBe('cpu');
    expect(prepare('kl', { shape: [3, 9], backend: 'cpu' }).backend).toBe('cpu');
  });

  it.runIf(!cuda.available)('backend cuda without CUDA is an error with the reason and the ways out', () => {
    const error = errorOf(() => kl(batch, { backend: 'cuda' }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.code).toBe('ERR_CKL_BACKEND');
    expect(error.message).toContain(`CUDA is not available: ${cuda.reason}`);
    expect(error.message).toMatch(/Use 'cpu' or 'auto'/);
  });

  it('an instruction set of another machine is an error that lists what runs here', () => {
    const foreign = cpu.targets.includes('neon') ? 'avx2' : 'neon';
    const error = errorOf(() => kl(batch, { cpuTarget: foreign }));
    expect(error.code).toBe('ERR_CKL_BACKEND');
    for (const target of cpu.targets) expect(error.message).toContain(target);
  });
});

/** Runs a script against the built package with some variables set; prints what the script returns, or the error. */
function inProcess(variables: Record<string, string>, script: string) {
  const code = `
    const { backends, kl, prepare } = require('./dist/index.js');
    const batch = { student: new Float32Array(4), teacher: new Float32Array(4), labels: new Uint8Array(4), shape: [2, 2] };
    try { console.log(JSON.stringify((() => { ${script} })())); }
    catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`;
  const run = spawnSync(process.execPath, ['-e', code], {
    cwd: join(__dirname, '../../..'),
    encoding: 'utf8',
    env: { ...process.env, ...variables },
  });
  return { value: JSON.parse(run.stdout || 'null'), stderr: run.stderr };
}

describe('the environment', () => {
  it('CKL_CPU_TARGET chooses the instruction set', () => {
    const script = `return [backends().cpu.target, prepare('kl', { shape: [2, 2] }).target];`;
    expect(inProcess({ CKL_CPU_TARGET: 'baseline' }, script).value).toEqual(['baseline', 'baseline']);
  });

  it('CKL_THREADS chooses the number of threads', () => {
    const script = `return [backends().cpu.threads, prepare('kl', { shape: [2, 2] }).threads];`;
    expect(inProcess({ CKL_THREADS: '3' }, script).value).toEqual([3, 3]);
  });

  it('an option wins over its variable', () => {
    const script = `const { target, threads } = prepare('kl', { shape: [2, 2], cpuTarget: '${cpu.targets[0]}', threads: 2 }); return [target, threads];`;
    const variables = { CKL_CPU_TARGET: 'nonsense', CKL_THREADS: 'many' };
    expect(inProcess(variables, script).value).toEqual([cpu.targets[0], 2]);
    expect(
      inProcess({ CKL_BACKEND: 'cuda' }, `return prepare('kl', { shape: [2, 2], backend: 'cpu' }).backend;`)
        .value,
    ).toBe('cpu');
  });

  it.each([
    [
      'CKL_CPU_TARGET',
      'avx3',
      'ERR_CKL_BACKEND',
      /CKL_CPU_TARGET is 'avx3'.*this machine can run .*baseline/,
    ],
    ['CKL_THREADS', 'many', 'ERR_CKL_OPTION', /CKL_THREADS is 'many'; it must be an integer/],
    ['CKL_THREADS', '-2', 'ERR_CKL_OPTION', /CKL_THREADS is '-2'/],
    ['CKL_BACKEND', 'gpu', 'ERR_CKL_BACKEND', /CKL_BACKEND is 'gpu' .*; it must be auto, cpu or cuda/],
  ])('%s=%s is an error that names the variable', (name, value, code, message) => {
    const result = inProcess({ [name]: value }, 'return kl(batch).loss;').value;
    expect(result.message).toMatch(message);
    expect(result.code).toBe(code);
  });

  it.runIf(!cuda.available)('CKL_BACKEND=cuda without CUDA is an error', () => {
    const result = inProcess({ CKL_BACKEND: 'cuda' }, 'return kl(batch).loss;').value;
    expect(result).toMatchObject({
      code: 'ERR_CKL_BACKEND',
      message: expect.stringMatching(/CKL_BACKEND is 'cuda', but/),
    });
  });

  it('CKL_DEBUG prints one line to stderr for each plan that is made', () => {
    const script = 'kl(batch); kl(batch); kl(batch, { gradScale: 2 }); return 0;';
    const { stderr } = inProcess({ CKL_DEBUG: '1' }, script);
    const lines = stderr.trim().split('\n');
    expect(lines.length).toBe(2);
    expect(lines[0]).toMatch(
      /^ckl-loss: plan kl: 1 kl\(.*reduction mean, backend cpu, target \w+, threads \d+$/,
    );
    expect(inProcess({ CKL_DEBUG: '0' }, script).stderr).toBe('');
  });

  it('empty variables are none', () => {
    const variables = { CKL_BACKEND: '', CKL_CPU_TARGET: '', CKL_THREADS: '', CKL_DEBUG: '' };
    expect(inProcess(variables, 'return kl(batch).counted;')).toEqual({ value: 2, stderr: '' });
  });
});
