#!/usr/bin/env bash
# Runs everything that needs a GPU, within a time limit: the most informative steps come first, each step reports its
# result when it ends, and the table is printed even when time runs out. Unpacks a kit (pack.mjs), or builds here.
#   bash test/gpu/all.sh [SECONDS] [FOLDER]   ends within SECONDS (default 575); results, at most 8 files, go to FOLDER
#                                             (default build/gpu/results): run.log, figures as JSON, logs.tgz
#   bash test/gpu/all.sh --dry                the same steps on emulated kernels and small sizes; fails if a step fails, or if
#                                             the seconds planned for a GPU exceed 575
set -uo pipefail
cd "$(dirname "$0")/../.."
dry=
[ "${1:-}" != --dry ] || { dry=1 && shift; }
deadline=${1:-575}
results=${2:-build/gpu/results}
logs=build/gpu/logs
rm -rf "$logs"
mkdir -p "$results" "$logs"
exec > >(tee "$results/run.log") 2>&1

planned=0 failed=0 late=0 table=

# step NAME SECONDS COMMAND...: runs COMMAND for at most the planned time or until the deadline; without a limit in a
# dry run.
step() {
  local name=$1 seconds=$2 left=$((deadline - SECONDS)) start=$SECONDS status=0 said
  shift 2
  planned=$((planned + seconds))
  [ -z "$dry" ] || left=1200
  [ -z "$dry" ] || seconds=1200
  if [ "$left" -lt 3 ]; then
    late=$((late + 1)) said="LATE     $name"
  else
    [ "$seconds" -le "$left" ] || seconds=$left
    timeout -k 3 "$seconds" "$@" >"$logs/$name.log" 2>&1 || status=$?
    case $status in
      0) said=ok ;;
      124 | 137) said=TIME failed=$((failed + 1)) ;;
      *) said=FAILED failed=$((failed + 1)) ;;
    esac
    said=$(printf '%-8s %-10s %4d s of %4d  %s' "$said" "$name" $((SECONDS - start)) "$seconds" "$(last_words "$logs/$name.log")")
    [ "$status" = 0 ] || tail -n 15 "$logs/$name.log"
  fi
  echo "$said"
  table+="$said"$'\n'
}
# Summarises a log in one line.
last_words() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | grep -E '^ *Tests |test cases: |ERROR SUMMARY|figures, |passed, ' | tail -n 1 | cut -c1-80
}
# both COMMAND -- COMMAND: runs both at the same time; fails if one of them does.
both() {
  local first=() status=0
  while [ "$1" != -- ]; do first+=("$1") && shift; done
  shift
  "${first[@]}" &
  "$@" || status=$?
  wait $! || status=$?
  return $status
}
export -f both

prepare() {
  if [ -n "$dry" ]; then node -e 'import("./test/gpu/build.mjs").then((b) => { const fault = b.buildScripts() || b.buildForEmulator(); console.log(fault); process.exit(fault ? 1 : 0); })'
  elif [ -e build/gpu/kit.tar.xz ]; then
    [ -x build/gpu/bin/node ] || tar -xJf build/gpu/kit.tar.xz || python3 -m tarfile -e build/gpu/kit.tar.xz .
  else node -e 'import("./test/gpu/build.mjs").then((b) => { const fault = b.buildScripts() || b.buildForGpu(); console.log(fault); process.exit(fault ? 1 : 0); })'
  fi
  nvidia-smi --query-gpu=name,driver_version,memory.total,mig.mode.current --format=csv,noheader || true
}
export -f prepare
export dry CKL_SHORT=1 TORCHINDUCTOR_COMPILE_THREADS=16
[ ! -e build/gpu/kit.tar.xz ] || export PATH=$PWD/build/gpu/bin:$PATH

if [ -n "$dry" ]; then
  addon=build/emulate/addon tests=build/tests/test/cpp/ckl_gpu_tests sizes=(--emulated --seconds 0.001) suites=test/js/cuda/graphs
  export CKL_TEST_RUNS=2
else
  addon=build/gpu/addon tests=build/gpu/ckl_gpu_tests sizes=(--require) suites=test/js/cuda
fi
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
profiler=$(command -v ncu || ls /usr/local/cuda/bin/ncu 2>/dev/null || true)
vitest=(node node_modules/vitest/vitest.mjs run --testTimeout 100000)
own=("${vitest[@]}" --config test/gpu/vitest.config.mts)
bench=(node --expose-gc bench/gpu.mjs "${sizes[@]}")
# On the emulator, the same programs run without the tool.
watch() { if [ -n "$sanitizer" ] && [ -z "$dry" ]; then echo "$sanitizer --tool $1 --error-exitcode 99 --print-limit 20"; fi; }
count() { if [ -n "$profiler" ] && [ -z "$dry" ]; then echo "$profiler --clock-control none --set basic --target-processes all -c 6"; fi; }

step prepare 15 bash -c prepare
export CKL_LOSS_PREBUILD=$PWD/$addon
step probes 10 "$tests" --test-case='probe*'
step small 45 "$tests" --test-case='small*,golden: every*'
# shellcheck disable=SC2046
step sanitizer 60 bash -c 'both "$@"' - $(watch memcheck) "$tests" --test-case='small: rows*' -- $(watch racecheck) "$tests" --test-case='small: ra*'
step figures 100 "${bench[@]}" --peers none --no-calls --seconds 0.04 --variants 'γ=5;γ=5, ranks given' --json "$results/figures.json"
# shellcheck disable=SC2046
step counters 45 $(count) "${bench[@]}" --peers none --no-calls --seconds 0.001 --variants γ=5 --json none \
  --shapes "$([ -n "$dry" ] && echo 32x8,2x1500 || echo 65536x64,8192x1000,8192x8192,2048x131072,1024x262144)"
step device 60 "${vitest[@]}" "$suites"
step widths 50 "${own[@]}" test/gpu/widths.test test/gpu/bits.test
step triton 80 "${bench[@]}" --peers triton --no-calls --seconds 0.03 --variants γ=5 --json "$results/triton.json" \
  --shapes "$([ -n "$dry" ] && echo 32x8 || echo 64x50,65536x64,32768x1024,4096x32768,1024x262144)"
step compile 45 "${bench[@]}" --peers compile --no-calls --seconds 0.03 --variants γ=5 --dtypes float32 --json "$results/compile.json" \
  --shapes "$([ -n "$dry" ] && echo 32x8 || echo 65536x64,32768x1024,4096x32768)"
step calls 25 "${bench[@]}" --peers none --shapes none --json "$results/calls.json"
step exits 30 "${own[@]}" test/gpu/exits.test test/gpu/failures.test

tar czf "$results/logs.tgz" -C build/gpu logs
echo "---- $SECONDS s; planned $planned of 575"
printf %s "$table"
if [ -s "$results/figures.json" ]; then
  node -e 'for (const r of JSON.parse(require("fs").readFileSync(process.argv[1])).rows) console.log(r.shape.padEnd(12), r.dtype.padEnd(8), r.variant.padEnd(18), String(r.µs).padStart(8), "µs", String(Math.round(100 * r.ofCopy)).padStart(4), "% of copy", r.model ?? "")' "$results/figures.json"
fi
[ "$planned" -le 575 ] || { echo "FAILED the plan takes $planned s of a GPU" && failed=$((failed + 1)); }
echo "$failed failed, $late without time"
[ "$failed" = 0 ] && [ "$late" = 0 ]
