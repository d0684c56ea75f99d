#!/bin/sh
# Builds the AssemblyScript examples into DIR (default: build/ here): build.sh [DIR]
# Needs Node 20 and npm; the compiler comes from the npm registry, pinned by
# package-lock.json, on the first run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here/build}"
out=$(cd "${1:-$here/build}" && pwd)
cd "$here"
[ -x node_modules/.bin/asc ] || npm ci --silent --no-audit --no-fund
guest() { # guest SOURCE NAME MAX_MEMORY_PAGES
	node_modules/.bin/asc "$1" --outFile "$out/$2.wasm" --optimizeLevel 3 --shrinkLevel 0 --converge --noAssert --runtime stub --use abort= --maximumMemory "$3"
}
guest family/echo.ts echo-as 256
guest pass/peephole.ts peephole-as 1024
