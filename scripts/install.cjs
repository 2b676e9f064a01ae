// npm's install script: does nothing if a binary loads; otherwise compiles one with CMake and reports its
// progress. It never uses the network. In a checkout the headers of Node-API come from devDependencies; a
// packed package has them in include/ (scripts/headers.cjs). CMakeLists.txt also reads its options from the
// environment (CKL_CUDA=OFF npm install).
const { spawn } = require('node:child_process');
const { existsSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { dirname, join, relative } = require('node:path');
const { clearInterval, setInterval } = require('node:timers');

const root = dirname(__dirname);
const platform = `${process.platform}-${process.arch}`;
const build = join(root, 'build', 'compile');
const output = join(root, 'build', 'Release');
const log = join(root, 'build', 'compile.log');
const start = performance.now();

if (!loads()) void compile();

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

async function compile() {
  // Leftovers of an interrupted or failed run would keep that run's options.
  rmSync(build, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL || String(availableParallelism());
  say(
    `there is no binary for ${platform} that loads: compiling one, ${jobs} files at a time (about 90 s of processor time; with CUDA several minutes)`,
  );
  const configured = await cmake('configuring', [
    ...['-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release', `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${output}`],
    ...headers(),
    // As in node-gyp: the symbols of Node-API come from the program that loads the addon.
    ...(process.platform === 'darwin' ? ['-DCMAKE_SHARED_LINKER_FLAGS=-undefined dynamic_lookup'] : []),
  ]);
  const built = await cmake('compiling', [
    ...['--build', build, '--config', 'Release', '--target', 'ckl_loss', '--parallel', jobs],
  ]);
  const file = join(output, 'ckl_loss.node');
  const addon = loadOrFail(file);
  const { targets, compiler } = addon.cpu();
  const cuda = addon.cuda();
  const version = `${Math.floor(cuda.runtimeVersion / 1000)}.${Math.floor((cuda.runtimeVersion % 1000) / 10)}`;
  writeFileSync(log, configured + built);
  rmSync(build, { recursive: true, force: true });
  const without = process.env.CKL_CUDA === 'OFF' ? 'CKL_CUDA=OFF' : 'no nvcc';
  say(
    `compiled ${relative(root, file)} for ${platform} with ${compiler}: CPU (${targets.join(', ')} run here)` +
      `${cuda.built ? ` and CUDA ${version}` : `, no CUDA (${without})`}, ${elapsed()}`,
  );
}

function loadOrFail(file) {
  try {
    return require(file);
  } catch (error) {
    return fail(`the compiled binary does not load: ${error.message}`);
  }
}

/** Runs CMake, and says every half minute how far it is; ends the installation with the reason if it fails. Returns what it printed. */
async function cmake(doing, args) {
  let text = `$ cmake ${args.join(' ')}\n`;
  let done = '';
  const note = (chunk) => {
    text += chunk;
    // make reports percentages, ninja steps.
    done = [...chunk.matchAll(/^\[ *(\d+%|\d+\/\d+)\]/gm)].at(-1)?.[1].replace('/', ' of ') ?? done;
  };
  const timer = setInterval(() => say(`${doing}${done && `, ${done}`}, ${elapsed()}`), 30_000);
  const { error, status } = await new Promise((resolve) => {
    const child = spawn('cmake', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', note);
    child.on('error', (error) => resolve({ error })).on('close', (status) => resolve({ status }));
  });
  clearInterval(timer);
  if (status === 0) return text;
  writeFileSync(log, text);
  return fail(
    error
      ? `CMake cannot be run (${error.code})`
      : `CMake failed (${relative(root, log)}):\n${text.trim().split('\n').slice(-15).join('\n')}`,
  );
}

/** "95 s" since the start. */
function elapsed() {
  return `${Math.round((performance.now() - start) / 1000)} s`;
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
