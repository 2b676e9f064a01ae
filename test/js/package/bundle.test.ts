// A program that a bundler has put into one file together with the package: the addon is not there, and the error says what to do.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(__dirname, '../../..');
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ckl-bundle-'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(root, join(dir, 'node_modules/ckl-loss'), 'junction');
  writeFileSync(join(dir, 'app.mjs'), "import { ckl } from 'ckl-loss'; console.log(typeof ckl);");
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Bundles the program and runs it. */
async function run(name: string, options: BuildOptions): Promise<{ stdout: string; stderr: string }> {
  const outfile = join(dir, 'out', name);
  await build({
    entryPoints: [join(dir, 'app.mjs')],
    outfile,
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    ...options,
  });
  return spawnSync(process.execPath, [outfile], { cwd: dir, encoding: 'utf8' });
}

/** What bundles of ES modules need for `require`. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

describe('a bundle with the package in it', () => {
  it.each<[string, BuildOptions]>([
    ['app.cjs', { format: 'cjs' }],
    ['app.mjs', { format: 'esm', banner: { js: REQUIRE } }],
  ])('%s names the option that leaves the package out', async (name, options) => {
    const { stderr } = await run(name, options);
    expect(stderr).toContain('ckl-loss has no native addon');
    expect(stderr).toContain('This code is in a bundle');
    for (const words of ['--external:ckl-loss', "external: ['ckl-loss']", 'commonjs ckl-loss'])
      expect(stderr).toContain(words);
    expect(stderr).not.toContain('npm install ckl-loss --force');
  });

  it('does so when the folder above it is another package', async () => {
    writeFileSync(join(dir, 'package.json'), '{"name":"user"}');
    const { stderr } = await run('app.cjs', { format: 'cjs' });
    expect(stderr).toContain('This code is in a bundle');
  });

  it('runs if the package is external', async () => {
    expect(await run('app.cjs', { format: 'cjs', external: ['ckl-loss'] })).toMatchObject({
      stdout: 'function\n',
      stderr: '',
    });
  });
});
