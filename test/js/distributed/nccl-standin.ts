// The stand-in of NCCL (test/emulator/nccl_standin.cc), and libraries that are wrong in some way, compiled into a folder.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './launch';

const compile = (source: string, file: string): string => {
  const options = ['-shared', '-fPIC', '-std=c++17', '-O1', '-Wl,-soname,libnccl.so.2', '-o', file, source];
  execFileSync(process.env.CXX ?? 'c++', [...options, '-lrt', '-ldl'], { stdio: 'pipe' });
  return file;
};

export const buildStandIn = (folder: string): string =>
  compile(join(root, 'test/emulator/nccl_standin.cc'), join(folder, 'libnccl.so.2'));

/** A library that tells a version, and has nothing else. */
export function buildBare(folder: string): string {
  const source = join(folder, 'bare.cc');
  writeFileSync(source, 'extern "C" int ncclGetVersion(int* version) { return *version = 22105, 0; }\n');
  return compile(source, join(folder, 'libbare.so'));
}
