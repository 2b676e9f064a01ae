#!/usr/bin/env bash
# Checks that the includes of the C++ and CUDA sources point one way: losses <- core <- {cpu <- scoring, cuda,
# distributed} <- addon, none of them to the tests, and that no file includes itself indirectly. Within cuda: device <-
# launch, common <- ranks <- rows, and only device.cc points from device to launch.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
find src cuda -name '*.h' -o -name '*.cc' -o -name '*.cuh' -o -name '*.cu' -o -name '*.def' | sort | xargs awk '
  function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
  function resolve(path,   parts, count, k, kept, n) {
    count = split(path, parts, "/"); n = 0
    for (k = 1; k <= count; k++) {
      if (parts[k] == ".." && n > 0) n--
      else if (parts[k] != ".") kept[++n] = parts[k]
    }
    path = kept[1]
    for (k = 2; k <= n; k++) path = path "/" kept[k]
    return path
  }
  function layer(path) {
    if (path ~ /^src\/losses\//) return "losses"
    if (path ~ /^src\/core\//) return "core"
    if (path ~ /^src\/cpu\//) return "cpu"
    if (path ~ /^src\/scoring\//) return "scoring"
    if (path ~ /^src\/distributed\//) return "distributed"
    if (path ~ /^src\/addon\//) return "addon"
    if (match(path, /^cuda\/[a-z]+/)) return substr(path, 1, RLENGTH)
    return "elsewhere"
  }
  # The layers that each layer may include.
  BEGIN {
    may["losses"] = "losses"
    may["core"] = "core losses"
    may["cpu"] = "cpu core losses"
    may["scoring"] = "scoring cpu core losses"
    may["distributed"] = "distributed"
    may["addon"] = "addon distributed scoring cpu core losses"
    may["cuda/device"] = "cuda/device core"
    may["cuda/launch"] = "cuda/launch cuda/device core losses"
    may["cuda/common"] = "cuda/common cuda/launch core losses"
    may["cuda/ranks"] = "cuda/ranks cuda/common cuda/launch core losses"
    may["cuda/rows"] = "cuda/rows cuda/ranks cuda/common cuda/launch core losses"
  }
  function visit(file,   list, count, k) {
    if (state[file] == 2) return
    if (state[file] == 1) { print "a circle of includes goes through " file; bad = 1; return }
    state[file] = 1
    count = split(includes[file], list, " ")
    for (k = 1; k <= count; k++) visit(list[k])
    state[file] = 2
  }
  { files[FILENAME] = 1 }
  /^#include "/ {
    split($0, quoted, "\"")
    target = resolve(folder(FILENAME) "/" quoted[2])
    if (target ~ /\.def$/) next  # read more than once, on purpose
    includes[FILENAME] = includes[FILENAME] " " target
    from = layer(FILENAME); to = layer(target)
    if (!(from in may)) { print FILENAME " is in no layer of test/cpp/includes.sh"; bad = 1 }
    allowed = index(" " may[from] " ", " " to " ") > 0
    # A device creates its losses, whose host code is in launch.
    if (FILENAME == "cuda/device/device.cc" && to == "cuda/launch") allowed = 1
    if (!allowed) { print FILENAME " (" from ") includes " target " (" to ")"; bad = 1 }
    count++
  }
  END {
    for (file in files) visit(file)
    if (count < 50) { print "only " count + 0 " includes found"; bad = 1 }
    exit bad
  }'
