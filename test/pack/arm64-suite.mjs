// Bundles the suites of the API into one program for arm64 Node, to be run in a folder where ckl-loss is installed.
// Left out is what starts processes, which would not be emulated, measures memory and time, or looks into lib/ (errors); and types.
// Usage: node arm64-suite.mjs FOLDER   (CKL_QUICK=1: the golden values, the edges and prepared losses alone)
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = process.argv[2];
const suites = ['loss/golden', 'loss/edges', 'loss/edges-parameters', 'loss/prepare'];
if (!process.env.CKL_QUICK)
  suites.push(
    'loss/edges-counting',
    'loss/properties',
    'loss/small-batches',
    'loss/theorems',
    'ranks/ranks',
    'loss/dtypes',
    'loss/table',
  );
const installed = {
  name: 'installed',
  setup({ onResolve }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: join(root, 'test/pack/arm64-vitest.mts') }));
    onResolve({ filter: /\/lib\/index$/ }, () => ({ path: 'ckl-loss', external: true }));
    onResolve({ filter: /\/lib\/native\/native$/ }, () => ({
      path: join(folder, 'node_modules/ckl-loss/dist/native/native.js'),
      external: true,
    }));
  },
};

cpSync(join(root, 'test/fixtures'), join(folder, 'test/fixtures'), { recursive: true });
await build({
  stdin: {
    contents: [
      "import './test/js/setup';",
      ...suites.map((name) => `import './test/js/${name}.test';`),
      "import { runAll } from 'vitest';",
      'void runAll();',
    ].join('\n'),
    resolveDir: root,
  },
  bundle: true,
  platform: 'node',
  target: 'node20',
  plugins: [installed],
  // Where the suites look for their fixtures.
  outfile: join(folder, 'test/js/loss/suite.cjs'),
});
