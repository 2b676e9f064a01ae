// Compiles lib/ into dist/: tsc for modules and declarations, esbuild for dist/index.js. Does nothing if
// dist/ is up to date, so that tests and tools that call it neither wait nor replace files that another
// process is reading.
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const stamp = join(root, 'build', 'dist.sha256');

const inputs = [
  ...readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.m?ts$/.test(name))
    .sort()
    .map((name) => join('lib', name)),
  ...['tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/bundle.cjs', 'scripts/prepare.cjs'],
];
const hash = createHash('sha256');
for (const name of inputs)
  hash
    .update(`${name}\0`)
    .update(readFileSync(join(root, name)))
    .update('\0');
const digest = hash.digest('hex');

if (!isCurrent()) {
  run(require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json');
  run(join(__dirname, 'bundle.cjs'));
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(stamp, digest);
}

function isCurrent() {
  return (
    existsSync(join(root, 'dist', 'index.js')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest
  );
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
