// Runs after tsc: rewrites dist/index.js as one file, because Node takes longer to find and read thirty
// modules than to run them. The modules are kept for their declarations, for doctor, which examines the parts
// if the whole does not load, and for the other entries that import them. errors.js is not bundled: its
// classes must be the same for every entry.
const { build } = require('esbuild');
const { join, resolve } = require('node:path');

const lib = join(__dirname, '..', 'lib');

const shared = {
  name: 'shared',
  setup({ onResolve }) {
    onResolve({ filter: /\/errors\.js$/ }, ({ path, resolveDir }) =>
      resolve(resolveDir, path) === join(lib, 'errors.js') ? { path: './errors.js', external: true } : null,
    );
  },
};

build({
  absWorkingDir: join(__dirname, '..'),
  entryPoints: ['lib/index.ts'],
  outfile: 'dist/index.js',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: `node${require('../package.json').engines.node.replace('>=', '')}`,
  external: ['node-gyp-build'],
  plugins: [shared],
  sourcemap: true,
  sourcesContent: false,
}).catch(() => process.exit(1));
