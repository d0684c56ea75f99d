#!/usr/bin/env bash
# Compares metered modules with their originals on modules that binaryen's
# generator makes from random bytes. Not part of the tests.
# usage: scripts/fuzz-wasm.sh [count, default 100] [seed, default 1]
# needs wasm-opt (Debian: apt-get install binaryen)
set -euo pipefail
count=${1:-100}
seed=${2:-1}
command -v wasm-opt >/dev/null || { echo "wasm-opt is not installed: apt-get install binaryen" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for i in $(seq "$count"); do
	# bytes that depend on seed and number alone
	size=$((500 + (i * 7919 + seed * 104729) % 12000))
	openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$seed")" -iv "$(printf '%032x' "$i")" -in /dev/zero 2>/dev/null | head -c "$size" >"$dir/seed" || true
	# half of them as generated, half through the optimizer; a quarter may compute NaNs
	passes=() name=$i
	[ $((i % 2)) = 0 ] && passes+=(-O1)
	if [ $((i % 4)) = 3 ]; then name=$i.nan; else passes+=(--denan); fi
	wasm-opt -ttf "$dir/seed" "${passes[@]}" --mvp-features --enable-sign-ext --enable-multivalue --enable-nontrapping-float-to-int -o "$dir/$name.wasm" 2>/dev/null
done
cd "$(dirname "$0")/.."
go run ./host/meter/internal/corpus "$dir"
