// Packs the addon into prebuilds/ with prebuildify, in a copy of the sources: node-gyp removes build/ before
// it builds, so an interrupted run in the checkout would leave it without a binary. A finished binary is
// moved into place atomically.
const { spawnSync } = require('node:child_process');
const { cpSync, mkdirSync, readdirSync, renameSync, rmSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
// The copy is inside the checkout, so that the tools find its node_modules.
const copy = join(root, 'build', 'prebuildify');
const sources = ['CMakeLists.txt', 'binding.gyp', 'package.json', 'cuda', 'src'];

rmSync(copy, { recursive: true, force: true });
for (const name of sources) cpSync(join(root, name), join(copy, name), { recursive: true });

const { status, signal, error } = spawnSync(
  process.execPath,
  [
    join(dirname(require.resolve('prebuildify/package.json')), 'bin.js'),
    ...['--napi', '--strip', '--tag-libc', '-t', '20.17.0', ...process.argv.slice(2)],
  ],
  { cwd: copy, stdio: 'inherit' },
);
if (error) throw error;
if (status === 0) publish();
rmSync(copy, { recursive: true, force: true });
process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 1);

/** Moves each binary of the copy to the same place in the checkout. */
function publish() {
  const built = join(copy, 'prebuilds');
  for (const platform of readdirSync(built)) {
    mkdirSync(join(root, 'prebuilds', platform), { recursive: true });
    for (const name of readdirSync(join(built, platform)))
      renameSync(join(built, platform, name), join(root, 'prebuilds', platform, name));
  }
}
