// The options of the build, given to CMake or by the environment; what is not allowed is an error that says what is.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(__dirname, '../../..');
const found = spawnSync('cmake', ['--version']).status === 0;
let build: string;

beforeEach(() => {
  build = mkdtempSync(join(tmpdir(), 'ckl-options-'));
});
afterEach(() => rmSync(build, { recursive: true }));

/** Configures, compiles nothing. */
function configure(variables: Record<string, string>, ...args: string[]) {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CKL_')));
  const { status, stderr } = spawnSync('cmake', ['-S', root, '-B', build, ...args], {
    encoding: 'utf8',
    env: { ...own, ...variables },
  });
  return { status, stderr: stderr.replace(/\s+/g, ' ') };
}

function options(): Record<string, string> {
  const cache = readFileSync(join(build, 'CMakeCache.txt'), 'utf8');
  const entries = [...cache.matchAll(/^(CKL_[A-Z_]+):(?:STRING|BOOL)=(.*)$/gm)];
  return Object.fromEntries(entries.map(([, name, value]) => [name, value]));
}

describe.skipIf(!found)('build options (they need CMake)', () => {
  it('come from the environment, each of them', () => {
    const given = {
      CKL_CUDA: 'OFF',
      CKL_CUDA_ARCHITECTURES: '75-virtual;80-real',
      CKL_RELEASE: 'ON',
      CKL_SANITIZE: 'ON',
      CKL_SYMBOLS: 'ON',
      // It needs doctest, which may not be here.
      CKL_TESTS: 'OFF',
    };
    expect(configure(given)).toEqual({ status: 0, stderr: '' });
    expect(options()).toEqual(given);
    const documented = readFileSync(join(root, 'docs/install.md'), 'utf8');
    for (const name of Object.keys(given)) expect(documented).toContain(`\`${name}\``);
  });

  it('have -D take precedence over the environment, with a warning', () => {
    const { status, stderr } = configure({ CKL_CUDA: 'ON' }, '-DCKL_CUDA=OFF');
    expect(status).toBe(0);
    expect(stderr).toContain('CKL_CUDA=ON in the environment is ignored: CKL_CUDA is OFF');
    expect(options().CKL_CUDA).toBe('OFF');
  });

  it.each([
    ['CKL_CUDA', 'yes', 'AUTO|ON|OFF|EMULATE'],
    ['CKL_SYMBOLS', '1', 'ON|OFF'],
  ])('reject %s=%s', (name, value, allowed) => {
    const { status, stderr } = configure({ [name]: value });
    expect(status).not.toBe(0);
    expect(stderr).toContain(`${name} is "${value}"; allowed are: ${allowed}`);
  });
});
