// After tsc: rewrites dist/index.js as one file. Node spends longer on finding and reading thirty modules than on what is in them.
// The modules stay beside it for their declarations, for doctor, which looks at the parts when the whole does not load, and for what other
// entries need of them. errors.js is not in the bundle: its classes must be the same ones for every entry.
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
