// npm's install script: does nothing if a binary loads, else compiles one with CMake. It never touches the network.
// In a checkout the headers of Node-API come from devDependencies; a packed package has them in include/ (scripts/headers.cjs).
const { spawnSync } = require('node:child_process');
const { existsSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { dirname, join, relative } = require('node:path');

const root = dirname(__dirname);
const platform = `${process.platform}-${process.arch}`;
const build = join(root, 'build', 'compile');
const output = join(root, 'build', 'Release');
const log = join(root, 'build', 'compile.log');

if (!loads()) compile();

/** Whether the package has a binary that loads here. A fresh checkout has no dist/ to ask, and no binary either. */
function loads() {
  const loader = join(root, 'dist', 'native', 'addon.js');
  if (!existsSync(loader)) return false;
  try {
    require(loader).loadAddon(root);
    return true;
  } catch (error) {
    if (error.code === 'ERR_CKL_ADDON') return false;
    throw error;
  }
}

function compile() {
  const start = performance.now();
  mkdirSync(output, { recursive: true });
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL || String(availableParallelism());
  const configured = cmake([
    ...['-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release', `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${output}`],
    ...headers(),
    // As node-gyp has it: the symbols of Node-API come from the program that loads the addon.
    ...(process.platform === 'darwin' ? ['-DCMAKE_SHARED_LINKER_FLAGS=-undefined dynamic_lookup'] : []),
  ]);
  const built = cmake(['--build', build, '--config', 'Release', '--target', 'ckl_loss', '--parallel', jobs]);
  const file = join(output, 'ckl_loss.node');
  const addon = loadOrFail(file);
  const { targets, compiler } = addon.cpu();
  const cuda = addon.cuda();
  const version = `${Math.floor(cuda.runtimeVersion / 1000)}.${Math.floor((cuda.runtimeVersion % 1000) / 10)}`;
  writeFileSync(log, configured + built);
  rmSync(build, { recursive: true, force: true });
  say(
    `compiled ${relative(root, file)} for ${platform} with ${compiler}: CPU (${targets.join(', ')} run here)` +
      `${cuda.built ? ` and CUDA ${version}` : ', no CUDA (no nvcc)'}, ${Math.round((performance.now() - start) / 1000)} s`,
  );
}

function loadOrFail(file) {
  try {
    return require(file);
  } catch (error) {
    return fail(`the compiled binary does not load: ${error.message}`);
  }
}

/** Runs CMake; ends the installation with the reason if it fails. Returns what it printed. */
function cmake(args) {
  const { error, status, stdout, stderr } = spawnSync('cmake', args, { cwd: root, encoding: 'utf8' });
  const text = `$ cmake ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}`;
  if (status === 0) return text;
  writeFileSync(log, text);
  fail(
    error
      ? `CMake cannot be run (${error.code})`
      : `CMake failed (${relative(root, log)}):\n${text.trim().split('\n').slice(-15).join('\n')}`,
  );
}

/** Where the headers are, as CMakeLists.txt wants to know it. */
function headers() {
  const packed = join(root, 'include');
  if (existsSync(packed)) return [`-DCMAKE_JS_INC=${packed}`, `-DCKL_NAPI_DIR=${packed}`];
  const { include_dir: nodeApi } = require('node-api-headers');
  return [`-DCMAKE_JS_INC=${nodeApi}`, `-DCKL_NAPI_DIR=${dirname(require.resolve('node-addon-api'))}`];
}

function fail(reason) {
  say(`there is no binary for ${platform} that loads, and compiling one failed: ${reason}`);
  say(
    'needed are CMake 3.18 or newer and a C++17 compiler (Debian: apt install cmake g++; macOS: xcode-select --install,',
  );
  say('brew install cmake); nvcc only for CUDA. Then: npm rebuild ckl-loss --foreground-scripts');
  process.exit(1);
}

function say(text) {
  process.stderr.write(`ckl-loss: ${text}\n`);
}
