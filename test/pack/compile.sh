#!/usr/bin/env bash
# Tests the packed package without its prebuilt binaries: it compiles with only CMake and a compiler, reports that and
# what it built, and passes its self-test; without CMake it reports what is missing.
# Usage: compile.sh TARBALL
set -euo pipefail
tarball=$(realpath "$1")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
tar -xzf "$tarball"
rm -r package/prebuilds
(cd package && npm pack --silent --ignore-scripts --pack-destination "$here" >/dev/null)
echo '{"name":"user","private":true}' >package.json

# ---- on a machine that cannot compile
mkdir tools
for tool in node npm sh env dirname; do ln -s "$(command -v $tool)" tools/; done
if PATH=$here/tools npm install --no-audit --no-fund --foreground-scripts ./ckl-loss-*.tgz >none.log 2>&1; then
  echo "an install without a binary and without CMake succeeded" >&2
  exit 1
fi
for words in "there is no binary for" "CMake cannot be run (ENOENT)" "a C++17 compiler" "npm rebuild ckl-loss"; do
  grep -qF "$words" none.log || { echo "the message without CMake lacks: $words" >&2; cat none.log >&2; exit 1; }
done

# ---- on a machine that can
npm install --no-audit --no-fund --foreground-scripts ./ckl-loss-*.tgz >some.log 2>&1 || { cat some.log >&2; exit 1; }
grep -q '^ckl-loss: there is no binary .*: compiling one' some.log || { echo "nothing says that it compiles" >&2; exit 1; }
line=$(grep '^ckl-loss: compiled ' some.log)
grep -qE '^ckl-loss: compiled build/Release/ckl_loss.node for \S+ with (gcc|clang) \S+: CPU \(.+\)(, no CUDA| and CUDA)' <<<"$line"
[ "$(ls node_modules/ckl-loss/build)" = $'Release\ncompile.log' ] || { echo "build/ holds more than the binary" >&2; exit 1; }
(cd node_modules && ls -d */) | diff - <(printf 'ckl-loss/\nnode-gyp-build/\n') || { echo "the package brought others" >&2; exit 1; }
npx --no-install ckl-loss doctor >doctor.log || { cat doctor.log >&2; exit 1; }
grep -q 'ckl_loss.node (compiled here)' doctor.log
if grep -q ', no CUDA' <<<"$line"; then
  bytes=$(stat -c %s node_modules/ckl-loss/build/Release/ckl_loss.node)
  # The losses and their rows take 1.17 MB, embeddings (src/scoring and its call) 0.08 MB.
  [ "$bytes" -le 1450000 ] || { echo "the addon without CUDA has $bytes bytes; 1.45 MB is the limit" >&2; exit 1; }
fi
echo "without prebuilt binaries: ${line#ckl-loss: }"
