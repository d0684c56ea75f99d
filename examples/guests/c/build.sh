#!/bin/sh
# Builds the C examples into DIR (default: build/ here): build.sh [DIR]
# clang compiles and wasm-ld links; clang never links, because it would run any
# wasm-opt that it finds in PATH and change the bytes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/build}
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
guest() { # guest SOURCE NAME MAX_MEMORY_BYTES
	"${CC_WASM:-clang-16}" --target=wasm32-unknown-unknown -std=c11 -O2 -ffreestanding -nostdlib -fno-ident -fvisibility=hidden \
		-mbulk-memory -msign-ext -Wall -Wextra -Werror -Wno-unused-function -ffile-prefix-map="$here"=. \
		-I"$here/../../../abi/guest/c" -c "$here/$1" -o "$tmp/$2.o"
	"${LD_WASM:-wasm-ld-16}" --no-entry --strip-all --compress-relocations --gc-sections --stack-first -z stack-size=65536 --max-memory="$3" \
		"$tmp/$2.o" -o "$out/$2.wasm"
}
guest family/echo.c echo-c 16777216
guest pass/peephole.c peephole-c 67108864
