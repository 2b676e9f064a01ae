// What loads, and what is said when nothing does: in a copy of the package with missing, broken and foreign binaries.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addonInterface } from '../../../lib/native/interface';
import { loadedAddon } from '../../../lib/native/native';

const root = join(__dirname, '../../..');
const platform = `${process.platform}-${process.arch}`;
const tag = process.platform === 'linux' ? '.glibc' : '';
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ckl-addon-'));
  copyFileSync(join(root, 'package.json'), join(dir, 'package.json'));
  for (const name of ['dist', 'node_modules/node-gyp-build'])
    cpSync(join(root, name), join(dir, name), { recursive: true });
});
afterEach(() => {
  for (const name of ['build', 'prebuilds', 'elsewhere'])
    rmSync(join(dir, name), { recursive: true, force: true });
});
afterAll(() => rmSync(dir, { recursive: true }));

const compiled = () => join(dir, 'build/Release/ckl_loss.node');
const prebuilt = (name = `ckl-loss${tag}.node`, folder = platform) => join(dir, 'prebuilds', folder, name);

function put(file: string, content?: string): void {
  mkdirSync(join(file, '..'), { recursive: true });
  if (content === undefined) copyFileSync(loadedAddon.file, file);
  else writeFileSync(file, content);
}

/** What `require` of the copy gives: the file in use, or the error. */
function load(variables: Record<string, string> = {}): {
  file?: string;
  origin?: string;
  code?: string;
  message: string;
  tried: { file: string }[];
} {
  const code = `
    try {
      require('.');
      const { file, origin } = require('./dist/native/native.js').loadedAddon;
      console.log(JSON.stringify({ file, origin }));
    } catch ({ code, message, tried }) { console.log(JSON.stringify({ code, message, tried })); }`;
  return JSON.parse(
    spawnSync(process.execPath, ['-e', code], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, ...variables },
    }).stdout,
  );
}

const doctor = (...args: string[]) =>
  spawnSync(process.execPath, ['dist/lab/cli/main.js', 'doctor', ...args], { cwd: dir, encoding: 'utf8' });

describe('the binary', () => {
  it('is the prebuilt one of this platform', () => {
    put(prebuilt());
    expect(load()).toEqual({ file: prebuilt(), origin: 'prebuilt' });
  });

  it('is rather the one compiled here', () => {
    put(prebuilt());
    put(compiled());
    expect(load()).toEqual({ file: compiled(), origin: 'compiled here' });
  });

  it('is the prebuilt one if the compiled one is broken', () => {
    put(prebuilt());
    put(compiled(), 'not a binary');
    expect(load()).toEqual({ file: prebuilt(), origin: 'prebuilt' });
  });
});

describe('CKL_LOSS_PREBUILD', () => {
  it('is a folder whose binary comes before those of the package', () => {
    put(prebuilt());
    const elsewhere = join(dir, 'elsewhere');
    const other = join(elsewhere, 'prebuilds', platform, `ckl-loss${tag}.node`);
    put(other);
    expect(load({ CKL_LOSS_PREBUILD: elsewhere })).toEqual({ file: other, origin: 'prebuilt' });
  });
});

describe('without a binary that loads', () => {
  it('says that none is there, and the ways out', () => {
    const { code, message, tried } = load();
    expect(code).toBe('ERR_CKL_ADDON');
    expect(message).toContain(`no native addon that loads on ${platform}`);
    expect(message).toContain(`${join(dir, 'prebuilds', platform)}: no such folder`);
    expect(message).toContain(`${compiled()}: no such file`);
    expect(message).toContain('npm install ckl-loss --force');
    expect(message).toContain('npm rebuild ckl-loss');
    expect(message).toContain('npm install-scripts approve ckl-loss');
    expect(message).not.toContain('external');
    expect(message).toContain('npx ckl-loss doctor');
    expect(tried.map(({ file }) => file).sort()).toEqual([compiled(), join(dir, 'prebuilds', platform)]);
  });

  it('says why a damaged file does not load, without a Node stack', () => {
    put(prebuilt(), 'not a binary');
    const { message } = load();
    const line = message.split('\n').find((text) => text.includes(prebuilt()))!;
    expect(line).toMatch(/: (invalid ELF header|file too short|.*(not a valid|mach-o|image).*)$/i);
  });

  it('says that a binary belongs to another version', () => {
    put(prebuilt(), '');
    rmSync(prebuilt());
    // Any other addon will do; a module of JavaScript under that name stands for one.
    mkdirSync(prebuilt(), { recursive: true });
    writeFileSync(join(prebuilt(), 'index.js'), 'exports.ranks = () => 0;');
    expect(load().message).toContain(
      'not the addon of this version: it lacks Plan, AbortFlag, DeviceLoss, Scoring, rankBias, losses, cpu, cuda, cudaError',
    );
  });

  it.each(['0ld0ld00', undefined])(
    'says that a binary with interface %s is stale, and how to rebuild it',
    (name) => {
      const exported = ['Plan', 'AbortFlag', 'DeviceLoss', 'Scoring', 'ranks', 'rankBias', 'losses', 'cpu'];
      mkdirSync(compiled(), { recursive: true });
      writeFileSync(
        join(compiled(), 'index.js'),
        `for (const name of ${JSON.stringify([...exported, 'cuda', 'cudaError'])}) exports[name] = () => 0;
       exports.interface = ${JSON.stringify(name)};`,
      );
      const { code, message } = load();
      expect(code).toBe('ERR_CKL_ADDON');
      expect(message).toContain(
        `${compiled()}: the addon was built from another version of ckl-loss: its interface is ${name ?? 'unnamed'}, and this version ` +
          `needs ${addonInterface}; rebuild it with \`npm rebuild ckl-loss\`, in a checkout with \`npm run build\``,
      );
    },
  );

  it.runIf(process.platform === 'linux')('does not try a binary for another C library', () => {
    put(prebuilt('ckl-loss.musl.node'));
    expect(load().message).toContain('no binary for glibc: ckl-loss.musl.node');
  });

  it('has the sub-paths that need none', () => {
    const run = spawnSync(process.execPath, ['-e', "require('./dist/data'); require('./dist/metrics')"], {
      cwd: dir,
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
  });
});

describe('doctor without a binary that loads', () => {
  it('prints the same, all else it knows, and ends with 1', () => {
    put(prebuilt(), 'not a binary');
    const { status, stdout } = doctor();
    expect(status).toBe(1);
    expect(stdout).toMatch(/^ckl-loss \d+\.\d+\.\d+\n/);
    expect(stdout).toContain(`Node ${process.version}`);
    expect(stdout).toContain(`${prebuilt()}: `);
    expect(stdout).toContain('npm rebuild ckl-loss');
  });

  it('says so as JSON', () => {
    const { status, stdout } = doctor('--json');
    expect(status).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.ok).toBe(false);
    expect(report.addon.failed.map(({ file }: { file: string }) => file)).toContain(compiled());
    expect(report.problems[0]).toContain('no native addon');
  });
});
