#!/usr/bin/env bash
# Builds the C++ tests in build/tests and runs them; arguments go to CMake. Needs a C++17 compiler and CMake, no Node.
#   CKL_BUILD  another build folder; CKL_JOBS  compilers at once (default 2)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${CKL_BUILD:-build/tests}
for tool in cmake c++; do
  if ! command -v "$tool" >/dev/null; then
    echo "test:cpp needs $tool. On Debian or Ubuntu: apt-get install cmake g++" >&2
    exit 1
  fi
done
mkdir -p "$build"
if ! { cmake -S . -B "$build" -DCKL_CUDA=OFF -DCKL_TESTS=ON "$@" &&
  cmake --build "$build" --parallel "${CKL_JOBS:-2}"; } >"$build/build.log" 2>&1; then
  tail -40 "$build/build.log" >&2
  exit 1
fi
grep -h "warning:" "$build/build.log" || true
ctest --test-dir "$build" --output-on-failure --no-tests=error
