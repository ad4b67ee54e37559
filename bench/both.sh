#!/usr/bin/env bash
# Compares two builds of freehold in turns, so that whatever else the machine does meets both.
# usage: both.sh OLD NEW [ARGUMENTS of `freehold bench`]      OLD and NEW are programs; ROUNDS=2 says how often
# Prints NEW's results with the ratio to OLD, round by round.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
old=$1 new=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for ((round = 1; round <= ${ROUNDS:-2}; ++round)); do
  echo "round $round"
  "$old" bench "$@" --json >"$folder/old.json"
  "$new" bench "$@" --compare "$folder/old.json"
done
