#!/usr/bin/env bash
# Builds the example guests, compares the bytes with the committed modules, and runs
# the conformance suite and the shared vectors on each. C and Go always; Rust where
# rustup is and Node 20 with npm for AssemblyScript: Debian 12 has neither in a
# version that fits, so an absent one is said and skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
examples=examples/guests
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
same() { # same DIR NAME...
	dir=$1
	shift
	for m in "$@"; do cmp "$built/$dir/$m.wasm" "$examples/wasm/$m.wasm"; done
}

go build -o "$built/engine" ./cmd/engine
$examples/c/build.sh "$built/c"
same c echo-c peephole-c
$examples/go/build.sh "$built/go"

target=wasm32-unknown-unknown
if command -v rustup >/dev/null && { rustup target list --installed | grep -qx $target || rustup target add $target; }; then
	$examples/rust/build.sh "$built/rust"
	case $(rustc --version) in
	"rustc 1.95.0 "*) same rust echo-rust peephole-rust ;;
	*) echo "the committed modules are of Rust 1.95.0, this is $(rustc --version): bytes are not compared" ;;
	esac
else
	echo "skipped: no rustup that has, or gets, the target $target"
fi

if command -v npm >/dev/null && npm view assemblyscript version >/dev/null 2>&1 && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
	$examples/assemblyscript/build.sh "$built/as"
	same as echo-as peephole-as
else
	echo "skipped: no npm with Node 20, or no registry behind it"
fi

for m in "$built"/*/*.wasm; do
	line=$("$built/engine" module test "$m" --vectors $examples/vectors.json | tail -n 1)
	echo "$(basename "$m"): $line"
done
