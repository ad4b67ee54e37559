#!/usr/bin/env bash
# Shows that check_isa.sh can fail: one good file, then a weak symbol, a forbidden include, and a file that is not built.
set -euo pipefail
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/src/kernel/x86/avx2"
file=$tree/src/kernel/x86/avx2/f.cpp
printf '[\n{\n  "directory": "/",\n  "command": "c++ -mavx2 -I%s/src -o f.o -c %s",\n  "file": "x"\n}\n]\n' "$tree" "$file" >"$tree/db.json"

expect() {  # STATUS WORDS…: the check ends with this status and its text contains the words
  local text status=0
  text=$("$tools/check_isa.sh" "$tree" "$tree/db.json" 2>&1) || status=$?
  shift_status=$1; shift
  if [ "$status" != "$shift_status" ] || [[ $text != *"$*"* ]]; then
    printf 'expected status %s and "%s", got %s:\n%s\n' "$shift_status" "$*" "$status" "$text"; exit 1
  fi
}

expect 0 "no instruction-set files yet"
echo '#include <immintrin.h>
void f(float* x) { _mm256_storeu_ps(x, _mm256_setzero_ps()); }' >"$file"
expect 0 "1 instruction-set files hold no weak symbol"
echo 'inline int shared(int x) { return x + 1; }
int f(int x) { return shared(x); }' >"$file"
expect 1 "weak symbols"
echo '#include <vector>
int f() { return 1; }' >"$file"
expect 1 "includes more than"
echo 'int f() { return 1; }' >"${file%f.cpp}g.cpp"
expect 1 "g.cpp is not in"
echo "check_isa.sh fails where it should"
