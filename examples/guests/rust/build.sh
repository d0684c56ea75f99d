#!/bin/sh
# Builds the Rust examples into DIR (default: build/ here): build.sh [DIR]
# Needs cargo with the target wasm32-unknown-unknown (rustup target add
# wasm32-unknown-unknown); no crate is downloaded.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here/build}"
out=$(cd "${1:-$here/build}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$here"
guest() { # guest PACKAGE NAME MAX_MEMORY_BYTES
	CARGO_TARGET_DIR="$tmp" cargo rustc --quiet --locked --offline --release --target wasm32-unknown-unknown -p "$1" -- \
		-C link-arg=--max-memory="$3" -C link-arg=--strip-all -C link-arg=--compress-relocations -C link-arg=-zstack-size=131072 \
		-C target-cpu=mvp -C target-feature=+bulk-memory,+sign-ext --remap-path-prefix="$(cd ../../.. && pwd)"=.
	cp "$tmp/wasm32-unknown-unknown/release/$1.wasm" "$out/$2.wasm"
}
guest echo echo-rust 16777216
guest peephole peephole-rust 67108864
