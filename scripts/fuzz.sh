#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for the time given.
# usage: scripts/fuzz.sh 10s [package pattern …]
#        scripts/fuzz.sh --list [package pattern …]: print "package target" lines
#
# Go's fuzzer sometimes reports its own deadline as a failure when the time is up
# ("context deadline exceeded", no input written); only that is not counted.
set -euo pipefail
time=${1:-10s}
shift || true
[ $# -gt 0 ] || set -- ./...
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for pkg in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$@"); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		if [ "$time" = --list ]; then
			echo "$pkg $target"
			continue
		fi
		echo "fuzz $pkg $target"
		if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x "$pkg" >"$log" 2>&1; then
			if grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
				echo "the fuzzer ran into its own deadline; no input failed"
				continue
			fi
			cat "$log"
			exit 1
		fi
		tail -n 1 "$log"
	done
done
