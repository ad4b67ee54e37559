#!/usr/bin/env bash
# The files of src/kernel/x86/LEVEL are compiled for an instruction set that the machine may not have. They include only
# <immintrin.h>, <cstddef>, <cstdint> and "kernel/…", and compiled at -O0 hold no weak symbol: a shared inline function
# compiled here could be the copy that the linker keeps for the whole program, and crash an older machine.
# usage: check_isa.sh [ROOT] [COMPILE_COMMANDS]   The flags are those of the build (build/release/compile_commands.json).
set -euo pipefail
root=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)
database=${2:-$root/build/release/compile_commands.json}
shopt -s nullglob globstar
files=("$root"/src/kernel/x86/{avx2,avx512,amx}/**/*.cpp)
[ ${#files[@]} -gt 0 ] || { echo "no instruction-set files yet"; exit 0; }
object=$(mktemp --suffix=.o)
trap 'rm -f "$object"' EXIT
status=0
for file in "${files[@]}"; do
  name=${file#"$root"/}
  case $name in *_test.cpp | *_bench.cpp) continue ;; esac
  bad=$(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" | grep -vE 'include[[:space:]]+(<(immintrin\.h|cstddef|cstdint)>|"kernel/[^"]+")' || true)
  if [ -n "$bad" ]; then
    echo "$name includes more than <immintrin.h>, <cstddef>, <cstdint> and \"kernel/…\":"; echo "$bad"
    status=1
  fi
  # CMake writes one key a line; the compiler and its flags are what stands before " -o ".
  command=$(sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$database" | grep -F -- "/$name" | head -n 1 || true)
  if [ -z "$command" ]; then
    echo "$name is not in $database"
    status=1
    continue
  fi
  read -ra words <<<"${command%% -o *}"
  if ! "${words[@]//\\\"/\"}" -O0 -g0 -o "$object" -c "$file"; then
    status=1
    continue
  fi
  weak=$(nm -C "$object" | grep -E ' [WVu] ' || true)
  if [ -n "$weak" ]; then
    echo "$name emits weak symbols, of which the linker may keep this copy for the whole program:"; echo "$weak"
    status=1
  fi
done
[ "$status" != 0 ] || echo "${#files[@]} instruction-set files hold no weak symbol"
exit "$status"
