#!/usr/bin/env bash
# Is every source file in the house format (.clang-format)? `./dev format` puts it right.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
find src tests fuzz bench \( -name '*.h' -o -name '*.cpp' \) -print0 2>/dev/null |
  xargs -0r -n 16 -P "$(nproc)" clang-format --dry-run -Werror
