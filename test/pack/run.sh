#!/usr/bin/env bash
# Packs the package with its prebuilt addons and installs it as a user would: from the tarball, without a compiler. Then
# tests it compiled, on every runtime, and with package linters. Works in a temporary copy, separate from the ordinary
# build. Needs the registry for the runtimes. Given a FILE, it leaves the tarball there.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
pack=$root/test/pack
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

# ---- pack
mkdir "$here/package"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$here/package"
ln -s "$root/node_modules" "$here/package/node_modules"
cd "$here/package"
# CKL_DIST=same: uses dist/ as compiled here if it matches the sources. Not the default, because dist/ may contain files
# whose source is gone.
if [ "${CKL_DIST:-}" = same ]; then
  mkdir build
  cp "$root/build/dist.sha256" build
  cp -r "$root/dist" .
fi
npm run --silent prepare
# One architecture's PTX: a release's seven take minutes.
export CKL_CUDA_ARCHITECTURES=${CKL_CUDA_ARCHITECTURES:-75-virtual}
CMAKE_BUILD_PARALLEL_LEVEL=${CKL_JOBS:-2} npm run --silent prebuildify >"$here/prebuildify.log" 2>&1 || {
  tail -30 "$here/prebuildify.log" >&2
  exit 1
}
bash "$pack/arm64.sh" "$here/package"
node scripts/headers.cjs
tarball=$here/package/$(npm pack --silent --ignore-scripts)
[ -z "${1:-}" ] || cp "$tarball" "$root/$1"
listing=$(tar -tzf "$tarball")
for wanted in package/dist/index.js package/dist/index.mjs package/dist/index.d.ts package/CMakeLists.txt package/include/napi.h package/scripts/install.cjs package/src/losses/losses.def package/LICENSE package/docs/losses.md package/docs/guide/README.md package/examples/tfjs.mjs package/SECURITY.md; do
  grep -qx "$wanted" <<<"$listing" || { echo "the tarball lacks $wanted" >&2; exit 1; }
done
grep -q '^package/prebuilds/.*\.node$' <<<"$listing" || { echo "the tarball has no prebuilt addon" >&2; exit 1; }
if grep -E '^package/(test|bench|build|node_modules|\.ci)/|binding\.gyp$' <<<"$listing"; then
  echo "the tarball has files that no user needs (above)" >&2
  exit 1
fi

kilobytes=$(($(stat -c %s "$tarball") / 1000))
[ $kilobytes -le 6000 ] || { echo "the tarball has $kilobytes kB; 6 MB is the limit" >&2; exit 1; }

# ---- install on a machine that cannot compile, with and without scripts
mkdir "$here/tools"
for tool in cmake cc c++ gcc g++ clang++ make ninja node-gyp cmake-js python python3 nvcc; do
  printf '#!/bin/sh\necho "%s was called" >&2\nexit 1\n' "$tool" >"$here/tools/$tool"
  chmod +x "$here/tools/$tool"
done
cp "$pack/use.cjs" "$pack/use.mjs" "$here"
for flags in "" "--ignore-scripts"; do
  user=$here/user$flags
  mkdir "$user"
  cd "$user"
  echo '{"name":"user","private":true}' >package.json
  PATH=$here/tools:$PATH npm install --silent --no-audit --no-fund $flags "$tarball"
  rm -rf node_modules
  PATH=$here/tools:$PATH npm ci --silent --no-audit --no-fund $flags
  [ ! -e node_modules/ckl-loss/build ] || { echo "the install compiled" >&2; exit 1; }
  cp "$here"/use.* .
  node use.cjs
  node use.mjs
  npx --no-install ckl-loss doctor >doctor.log || { cat doctor.log >&2; exit 1; }
  grep -q '(prebuilt)' doctor.log
done
echo "packed $kilobytes kB, $(wc -l <<<"$listing") files; installed and used without a compiler"

bash "$pack/lint.sh" "$tarball"
bash "$pack/runtimes.sh" "$tarball"
bash "$pack/compile.sh" "$tarball"
