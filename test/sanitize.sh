#!/usr/bin/env bash
# Runs the tests under sanitizers: sanitize.sh [addresses] [threads] [addon]; without arguments all three.
#   addresses  the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer
#   threads    the C++ tests of pool and backend with ThreadSanitizer
#   addon      the JavaScript tests on an addon built with Address- and UndefinedBehaviorSanitizer
# Builds in build/sanitize; the ordinary build is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD out=$PWD/build/sanitize
jobs=${CKL_JOBS:-2}
[ $# -gt 0 ] || set -- addresses threads addon

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

addresses() {
  CKL_BUILD=$out/addresses CKL_JOBS=$jobs bash test/cpp/run.sh -DCKL_SANITIZE=ON
}

threads() {
  local build=$out/threads
  mkdir -p "$build"
  if ! { cmake -S . -B "$build" -DCKL_CUDA=OFF -DCKL_TESTS=ON -DCMAKE_CXX_FLAGS="-g -fsanitize=thread" &&
    cmake --build "$build" --parallel "$jobs" --target ckl_tests; } >"$build.log" 2>&1; then
    tail -40 "$build.log" >&2
    return 1
  fi
  TSAN_OPTIONS=halt_on_error=1 "$build/test/cpp/ckl_tests" --test-case="pool:*,bits: any number*,checks: each*"
}

addon() {
  local libasan addon_dir=$out/addon
  libasan=$(g++ -print-file-name=libasan.so)
  # node-gyp-build looks in $CKL_LOSS_PREBUILD/build/Release.
  mkdir -p "$addon_dir"
  if ! npx cmake-js compile -p "$jobs" -O "$addon_dir/build" --CDCKL_SANITIZE=ON --CDCKL_CUDA=OFF >"$addon_dir.log" 2>&1; then
    tail -40 "$addon_dir.log" >&2
    return 1
  fi
  [ -d dist ] || npm run --silent prepare
  # Node itself frees little at exit, so leaks are left to the C++ tests. A finding ends the process, which fails the test.
  CKL_LOSS_PREBUILD=$addon_dir LD_PRELOAD=$libasan \
    ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=99 \
    node "$root/node_modules/vitest/vitest.mjs" run test/js/api --testTimeout 600000 --hookTimeout 600000
}

for part; do
  echo "== $part"
  "$part"
done
