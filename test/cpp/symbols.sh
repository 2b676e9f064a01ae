#!/usr/bin/env bash
# Checks that a kernel object exports only its table and has no weak symbols: the linker could merge a weak function of
# one instruction set into code that runs everywhere. Usage: symbols.sh NM TABLE OBJECT...
set -euo pipefail
nm=$1 table=$2
shift 2
symbols=$("$nm" "$@")
weak=$(printf '%s\n' "$symbols" | awk '$(NF-1) ~ /^[wWvVu]$/ && $NF !~ /^(__asan|__ubsan|__tsan|__gcov)/')
exported=$(printf '%s\n' "$symbols" | awk '$(NF-1) ~ /^[A-TX-Z]$/ && $(NF-1) != "U" {print $NF}')
if [ -n "$weak" ]; then
  printf 'weak symbols in %s:\n%s\n' "$table" "$weak"
  exit 1
fi
if ! printf '%s\n' "$exported" | grep -q "$table" || [ "$(printf '%s\n' "$exported" | wc -l)" != 1 ]; then
  printf '%s should be the only exported symbol; found:\n%s\n' "$table" "$exported"
  exit 1
fi
