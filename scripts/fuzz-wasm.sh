#!/usr/bin/env bash
# Compares metered modules on wazero's compiler, its interpreter and (with gcc)
# wasmtime, and with their originals, on modules that binaryen's generator makes
# from bytes that depend on seed and number alone: results, traps, fuel, depth,
# memory and calls of imports must be equal.
# usage: scripts/fuzz-wasm.sh [count, default 100] [seed, default 1] [first, default 1]
# Modules come in batches of 500; a batch that differs is kept and named.
# needs wasm-opt (Debian: apt-get install binaryen), openssl
set -euo pipefail
count=${1:-100} seed=${2:-1} first=${3:-1}
for tool in wasm-opt openssl; do
	command -v $tool >/dev/null || { echo "$tool is not installed: apt-get install binaryen openssl" >&2; exit 2; }
done
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

if command -v gcc >/dev/null && [ "${WASMTIME:-1}" = 1 ]; then
	CGO_ENABLED=1 go build -tags wasmtime -o "$dir/corpus" ./host/meter/internal/corpus
else
	echo "without wasmtime: gcc is not installed, or WASMTIME=0" >&2
	go build -o "$dir/corpus" ./host/meter/internal/corpus
fi

# make DIR SEED NUMBER: one module; half of them as generated, half through the
# optimizer; a quarter may compute NaNs
make_module() {
	local out=$1 seed=$2 i=$3 passes=() name=$3
	local size=$((500 + (i * 7919 + seed * 104729) % 12000))
	openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$seed")" -iv "$(printf '%032x' "$i")" -in /dev/zero 2>/dev/null | head -c "$size" >"$out/$i.seed" || true
	[ $((i % 2)) = 0 ] && passes+=(-O1)
	if [ $((i % 4)) = 3 ]; then name=$i.nan; else passes+=(--denan); fi
	wasm-opt -ttf "$out/$i.seed" "${passes[@]}" --mvp-features --enable-sign-ext --enable-multivalue --enable-nontrapping-float-to-int -o "$out/$name.wasm" 2>/dev/null
	rm "$out/$i.seed"
}
export -f make_module

failed=0
for ((from = first; from < first + count; from += 500)); do
	to=$((from + 499))
	[ $to -lt $((first + count)) ] || to=$((first + count - 1))
	mkdir "$dir/batch"
	seq $from $to | xargs -P "$(nproc)" -I{} bash -c "make_module '$dir/batch' $seed {}"
	echo "-- modules $from..$to of seed $seed"
	if ! "$dir/corpus" "$dir/batch"; then
		failed=1
		kept=$(mktemp -d)
		mv "$dir/batch" "$kept/"
		echo "the batch is kept in $kept/batch" >&2
	fi
	rm -rf "$dir/batch"
done
exit $failed
