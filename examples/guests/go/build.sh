#!/bin/sh
# Builds the Go examples into DIR (default: build/ here): build.sh [DIR]
# Needs nothing but Go. `engine module link` makes the toolchain's reactor a module
# of ABI qx1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/build}
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$here/../../.."
guest() { # guest PACKAGE NAME MAX_MEMORY_BYTES
	GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -trimpath -buildvcs=false -buildmode=c-shared -ldflags="-s -w" -o "$tmp/$2.wasm" "./examples/guests/go/$1"
	go run ./cmd/engine module link "$tmp/$2.wasm" --memory "$3" --out "$out/$2.wasm"
}
guest family echo-go 16MiB
guest pass peephole-go 64MiB
