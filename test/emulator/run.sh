#!/usr/bin/env bash
# Runs the JavaScript tests of the CUDA backend and of ckl-loss/cuda without a GPU, on an addon with emulated kernels
# and streams; every loss uses backend 'cuda'. Builds in build/emulate, separate from the ordinary build. Arguments are
# passed to vitest; --build only builds.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/build/emulate
mkdir -p "$out/addon/build/Release"
log=$out/build.log
if ! { cmake -S . -B "$out" -DCKL_CUDA=EMULATE \
  "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")" \
  "-DCKL_NAPI_DIR=$(node -p "path.dirname(require.resolve('node-addon-api'))")" \
  "-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$out/addon/build/Release" &&
  cmake --build "$out" --target ckl_loss --parallel "${CKL_JOBS:-2}" && npm run prepare; } >"$log" 2>&1; then
  tail -40 "$log" >&2
  exit 1
fi
[ "${1:-}" != --build ] || exit 0
suites=(loss/{golden,edges,table,errors,auto} ranks/ranks.test native/foreign-objects)
CKL_BACKEND=cuda CKL_LOSS_PREBUILD=$out/addon node node_modules/vitest/vitest.mjs run \
  "${suites[@]/#/test/js/}" test/js/cuda --testTimeout 600000 "$@"
CKL_LOSS_PREBUILD=$out/addon node examples/device-tensors.mjs | grep -E '^64 queries on emulated GPU: loss 0\.[0-9]+ -> -?0\.0'
