#!/usr/bin/env bash
# Runs the tests under sanitizers: sanitize.sh [addresses] [emulator] [addon] [threads]; all four by default.
#   addresses  the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer
#   emulator   the CUDA kernels on the host, with the same
#   addon      the JavaScript tests of the API on an addon built with the same
#   threads    the C++ tests of pool and backend with ThreadSanitizer
# Builds in build/addresses and build/threads, separate from the ordinary build. CKL_QUICK=1 leaves out long suites
# whose memory accesses others cover.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${CKL_JOBS:-2}
[ $# -gt 0 ] || set -- addresses emulator addon threads
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

quietly() {  # log command...
  "${@:2}" >"$1" 2>&1 || {
    tail -40 "$1" >&2
    return 1
  }
}

# instrument FOLDER OPTIONS -- TARGETS
instrument() {
  local out=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  mkdir -p "$out"
  quietly "$out/build.log" cmake -S . -B "$out" -DCKL_TESTS=ON -DCKL_CUDA=OFF "${options[@]}"
  quietly "$out/build.log" cmake --build "$out" --parallel "$jobs" --target "${@:2}"
}

# Addon and C++ tests in one build. CKL_LOSS_PREBUILD is the folder in which node-gyp-build finds build/Release.
with_addresses=$PWD/build/addresses
build_instrumented() {
  instrument "$with_addresses" -DCKL_SANITIZE=ON "-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$with_addresses/addon/build/Release" \
    "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")" -- ckl_tests ckl_emulator_tests ckl_loss
}

addresses() {
  build_instrumented
  # These cases test accuracy and take most of the time; the cases whose names begin with 'bounds:' test memory
  # accesses.
  local without='accuracy: rows of 1 to 300*,accuracy: long rows'
  "$with_addresses/test/cpp/ckl_tests" --test-case-exclude="$without${CKL_QUICK:+,bits: avx2 and avx512*,numbers: *}"
}

emulator() {
  build_instrumented
  "$with_addresses/test/cpp/ckl_emulator_tests" ${CKL_QUICK:+--test-case-exclude='kernels: *,extremes: temperatures*,diagnostics: asking*'}
}

addon() {
  build_instrumented
  quietly "$with_addresses/tsc.log" npm run prepare
  # Node frees little at exit, so leaks are left to the C++ tests. An error ends the process, which fails its tests.
  # Freed memory stays in AddressSanitizer's quarantine, so tests of memory growth are meaningless here. The API reports
  # sizes that cannot be allocated, so the allocator must return null for them.
  CKL_WITHOUT="**/memory.test.ts${CKL_QUICK:+,**/threads.test.ts}" \
    CKL_LOSS_PREBUILD=$with_addresses/addon LD_PRELOAD=$(g++ -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    env ${CKL_QUICK:+CKL_TEST_RUNS=5} node node_modules/vitest/vitest.mjs run test/js/{loss,native,ranks} \
    --testTimeout 900000 --hookTimeout 900000
}

threads() {
  instrument build/threads -DCKL_SANITIZE=THREADS -- ckl_tests
  TSAN_OPTIONS=halt_on_error=1 "build/threads/test/cpp/ckl_tests" "--test-case=pool:*,bits: any number*,checks: each*"
}

for part; do
  echo "== $part"
  "$part"
done
