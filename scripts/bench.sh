#!/usr/bin/env bash
# Measures everything and rewrites docs/performance.md with its drawings.
# Needs Python 3.11 or later and a package index for the peers. Leave the machine
# alone meanwhile: about half an hour.
#   scripts/bench.sh          measure and write
#   scripts/bench.sh --write  write from the measurements that are there
#   scripts/bench.sh --curves measure how cost grows, without peers, and write
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
if [ "${1:-}" != --write ]; then
	mkdir -p bin docs/performance
	go build -trimpath -o bin/engine ./cmd/engine
fi
if [ "${1:-}" = --curves ]; then
	./bin/engine bench curves --report docs/performance/curves.json
elif [ "${1:-}" != --write ]; then
	./bin/engine bench W1 --threads 1 --peers --report docs/performance/one-thread.json
	./bin/engine bench all --peers --report docs/performance/all.json
	./bin/engine bench curves --peers --report docs/performance/curves.json
fi
go test ./bench/report -run 'TestPage$' -update -count=1
