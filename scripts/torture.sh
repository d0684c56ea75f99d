#!/usr/bin/env bash
# Torture at full size, by name: what tests do in small on every commit.
#   drivers   1,000 kill -9 of a driver in 10,000 submissions to a vendor that counts
#             its jobs, and 1,000 jobs through one driver without growth
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
drivers)
	ENGINE_TORTURE=full go test -count=1 -v -timeout 90m -run '^(TestTorture|TestNoGrowth)$' ./backends/qpu
	;;
*)
	echo "torture: want the name of one: drivers" >&2
	exit 2
	;;
esac
