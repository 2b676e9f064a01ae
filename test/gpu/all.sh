#!/usr/bin/env bash
# All that wants a GPU in one go, within minutes, a short table last: unpack a kit (pack.mjs) or build here, test, measure.
#   bash test/gpu/all.sh [FOLDER]     logs and results go to FOLDER (default build/gpu/results)
#   CKL_GPU_TEST   arguments for test:gpu                       CKL_GPU_TEST_SECONDS   at most so long (default 330)
#   CKL_GPU_BENCH  arguments for bench:gpu (default --quick)    CKL_GPU_BENCH_SECONDS  at most so long (default 180)
set -uo pipefail
cd "$(dirname "$0")/../.."
results=${1:-build/gpu/results}
mkdir -p "$results" build/gpu
build=()
if [ -e build/gpu/kit.tar.xz ]; then
  [ -x build/gpu/bin/node ] || tar -xJf build/gpu/kit.tar.xz || exit 1
  export PATH=$PWD/build/gpu/bin:$PATH
  build=(--no-build)
fi
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true

# shellcheck disable=SC2086
timeout "${CKL_GPU_TEST_SECONDS:-330}" node test/gpu/run.mjs --require "${build[@]}" ${CKL_GPU_TEST:-} 2>&1 | tee "$results/test.log"
tested=${PIPESTATUS[0]}
cp build/gpu/*.log "$results" 2>/dev/null || true

[ ! -e build/gpu/addon/build/Release/ckl_loss.node ] || export CKL_LOSS_PREBUILD=$PWD/build/gpu/addon
# shellcheck disable=SC2086
timeout "${CKL_GPU_BENCH_SECONDS:-180}" node --expose-gc bench/gpu.mjs --json "$results/bench.json" ${CKL_GPU_BENCH:---quick} \
  >"$results/bench.log" 2>&1
measured=$?

echo "---- tests: exit $tested; figures: exit $measured (124: out of time)"
grep -E '^(ok|FAILED|left out) |passed, ' "$results/test.log"
grep -E ' µs |figures, ' "$results/bench.log" | cut -c1-150
[ "$tested" = 0 ] && [ "$measured" = 0 ]
