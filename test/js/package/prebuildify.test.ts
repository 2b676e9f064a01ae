// npm run prebuildify, whether it ends, fails or is interrupted: the checkout's own build stays as it is. A script stands in for node-gyp.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadedAddon } from '../../../lib/native/native';

const root = join(__dirname, '../../..');
const SOURCES = ['CMakeLists.txt', 'binding.gyp', 'package.json', 'scripts/prebuildify.cjs'];
const BUILT = 'build/Release/ckl_loss.node';
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ckl-prebuildify-'));
  for (const name of [...SOURCES, 'src/some.cc', 'cuda/some.cu']) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    if (SOURCES.includes(name)) copyFileSync(join(root, name), join(dir, name));
    else writeFileSync(join(dir, name), '');
  }
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'), 'junction');
  mkdirSync(join(dir, 'build/Release'), { recursive: true });
  writeFileSync(join(dir, BUILT), 'compiled before');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Runs the script with something in place of node-gyp, which like that one begins by removing build/. */
function start(after: string): ReturnType<typeof spawn> {
  const gyp = join(dir, 'node-gyp.sh');
  writeFileSync(gyp, `#!/bin/sh\nrm -rf build\nmkdir -p build/Release\n${after}\n`, { mode: 0o755 });
  return spawn(process.execPath, [join(dir, 'scripts/prebuildify.cjs')], {
    cwd: dir,
    // A group of its own, which Ctrl-C reaches as a whole.
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, PREBUILD_NODE_GYP: gyp },
  });
}
const ended = (child: ReturnType<typeof spawn>) =>
  new Promise<number | null>((resolve) => child.on('close', resolve));

const addon = () => `cp '${loadedAddon.file}' build/Release/ckl_loss.node`;
const prebuilds = () =>
  existsSync(join(dir, 'prebuilds'))
    ? readdirSync(join(dir, 'prebuilds'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.node'),
      )
    : [];

it('packs the binary and leaves the build alone', async () => {
  expect(await ended(start(addon()))).toBe(0);
  expect(prebuilds()).toEqual([
    expect.stringMatching(`^${process.platform}-${process.arch}.ckl-loss(\\.glibc)?\\.node$`),
  ]);
  expect(readFileSync(join(dir, BUILT), 'utf8')).toBe('compiled before');
  expect(readdirSync(join(dir, 'build'))).toEqual(['Release']);
});

it('that fails leaves the build and earlier binaries alone', async () => {
  expect(await ended(start(addon()))).toBe(0);
  const [name] = prebuilds();
  const before = readFileSync(join(dir, 'prebuilds', name));
  expect(await ended(start('exit 1'))).toBe(1);
  expect(prebuilds()).toEqual([name]);
  expect(readFileSync(join(dir, 'prebuilds', name)).equals(before)).toBe(true);
  expect(readFileSync(join(dir, BUILT), 'utf8')).toBe('compiled before');
});

it('that is interrupted leaves the build alone, and the next run works', async () => {
  const reached = new Promise<void>((resolve) => {
    const watcher = watch(dir, (_, name) => {
      if (name !== 'reached') return;
      watcher.close();
      resolve();
    });
  });
  const child = start(`: > '${join(dir, 'reached')}'\nexec sleep 600`);
  const end = ended(child);
  await reached;
  process.kill(-child.pid!, 'SIGINT');
  await end;
  expect(readFileSync(join(dir, BUILT), 'utf8')).toBe('compiled before');
  expect(prebuilds()).toEqual([]);
  expect(await ended(start(addon()))).toBe(0);
  expect(prebuilds()).toHaveLength(1);
});
