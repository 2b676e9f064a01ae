// Runs before packing: copies the headers of Node-API into include/, so that the package can be compiled
// offline if no binary fits.
const { copyFileSync, mkdirSync, readdirSync, rmSync } = require('node:fs');
const { dirname, join } = require('node:path');

const target = join(dirname(__dirname), 'include');
rmSync(target, { recursive: true, force: true });
mkdirSync(target);

const cpp = dirname(require.resolve('node-addon-api'));
const c = require('node-api-headers').include_dir;
for (const folder of [cpp, c]) {
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.h'))) {
    copyFileSync(join(folder, name), join(target, name));
  }
}
copyFileSync(join(cpp, 'LICENSE.md'), join(target, 'LICENSE-node-addon-api.md'));
copyFileSync(
  join(dirname(require.resolve('node-api-headers/package.json')), 'LICENSE'),
  join(target, 'LICENSE-node-api-headers'),
);
