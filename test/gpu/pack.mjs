// Packs what test:gpu and bench:gpu need besides the sources into build/gpu/kit.tar.xz: for a machine with a GPU, a driver and Python, and
// nothing else (no Node, no packages, no compiler, no network). test/gpu/all.sh unpacks it there.
//   node test/gpu/pack.mjs [ARCHITECTURES]     such as 90-real (default), or "80-real;90-real"; needs nvcc
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildForGpu, buildScripts, out, root } from './build.mjs';

/** Runs in the folder; ends the program if it fails. */
function run(cwd, command, ...args) {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 0) return;
  console.error(`${command} failed:\n${stderr}`);
  process.exit(1);
}

/** A package and all that it depends on, as far as installed. */
function closure(names) {
  const found = new Set();
  const visit = (name) => {
    const file = join(root, 'node_modules', name, 'package.json');
    if (found.has(name) || !existsSync(file)) return;
    found.add(name);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(file, 'utf8'));
    Object.keys({ ...dependencies, ...optionalDependencies }).forEach(visit);
  };
  names.forEach(visit);
  return [...found];
}

const fault = buildScripts() || buildForGpu(process.argv[2] ?? '90-real');
if (fault) {
  console.error(fault);
  process.exit(1);
}
const kit = join(out, 'kit');
rmSync(kit, { recursive: true, force: true });
mkdirSync(join(kit, 'build/gpu/bin'), { recursive: true });
// Documentation, types and maps are not read by a test.
const needed = (file) => !/\.(map|md|d\.[cm]?ts)$/.test(file);
for (const name of closure(['vitest', 'fast-check', 'node-gyp-build']))
  cpSync(join(root, 'node_modules', name), join(kit, 'node_modules', name), {
    recursive: true,
    filter: needed,
  });
cpSync(join(root, 'dist'), join(kit, 'dist'), { recursive: true, filter: needed });
cpSync(join(out, 'addon'), join(kit, 'build/gpu/addon'), { recursive: true });
cpSync(join(out, 'ckl_gpu_tests'), join(kit, 'build/gpu/ckl_gpu_tests'));
cpSync(process.execPath, join(kit, 'build/gpu/bin/node'));
for (const program of ['build/gpu/bin/node', 'build/gpu/ckl_gpu_tests']) run(kit, 'strip', program);
run(kit, 'tar', '-cf', '../kit.tar', '.');
run(out, 'xz', '-T0', '-6', '-f', 'kit.tar');
rmSync(kit, { recursive: true });
console.log(`build/gpu/kit.tar.xz: ${(statSync(join(out, 'kit.tar.xz')).size / 1e6).toFixed(1)} MB`);
