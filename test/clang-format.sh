#!/usr/bin/env bash
# Checks the layout of all C++ and CUDA sources against .clang-format; --fix corrects it.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed (apt-get install clang-format): C++ layout is not checked" >&2
  exit 0
fi
mode=(--dry-run -Werror)
[ "${1:-}" != --fix ] || mode=(-i)
git ls-files 'src/*.h' 'src/*.cc' 'cuda/*.h' 'cuda/*.cc' 'cuda/*.cu' 'cuda/*.cuh' 'test/cpp/*.h' 'test/cpp/*.cc' \
    'test/emulator/*.h' 'test/emulator/*.cc' 'test/gpu/*.h' 'test/gpu/*.cc' 'test/gpu/*.cu' 'test/cuda/*.cu' |
  xargs clang-format "${mode[@]}"
