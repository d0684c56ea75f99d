#!/bin/sh
# Builds the Rust examples into DIR (default: build/ here): build.sh [DIR]
# Needs rustc with the target wasm32-unknown-unknown (rustup target add
# wasm32-unknown-unknown); no crate is downloaded. rustc is called directly because
# cargo puts the folder's path into the names of symbols, and their order into the
# bytes; `cargo build` works all the same.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here/build}"
out=$(cd "${1:-$here/build}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$here/../../.."
rust() { # rust CRATE SOURCE OPTIONS...
	crate=$1 source=$2
	shift 2
	rustc --edition 2021 --target wasm32-unknown-unknown --crate-name "$crate" -C metadata="$crate" -C opt-level=3 -C panic=abort -C codegen-units=1 \
		-C target-cpu=mvp -C target-feature=+bulk-memory,+sign-ext --remap-path-prefix="$PWD"=. "$@" "$source"
}
rust qx1 sdk/rust/src/lib.rs --crate-type rlib --out-dir "$tmp"
guest() { # guest FOLDER CRATE NAME MAX_MEMORY_BYTES
	rust "$2" "examples/guests/rust/$1/src/lib.rs" --crate-type cdylib --extern qx1="$tmp/libqx1.rlib" -C lto=fat -o "$out/$3.wasm" \
		-C link-arg=--max-memory="$4" -C link-arg=--strip-all -C link-arg=--compress-relocations -C link-arg=-zstack-size=131072
}
guest family echo echo-rust 16777216
guest pass peephole peephole-rust 67108864
