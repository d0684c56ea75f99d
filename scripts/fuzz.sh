#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for the time given.
# usage: scripts/fuzz.sh 10s [package pattern]
set -euo pipefail
time=${1:-10s}
pattern=${2:-./...}
for pkg in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$pattern"); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "fuzz $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$pkg" | tail -n 2
	done
done
