#!/usr/bin/env bash
# One torture at full size. What it does in small runs on every commit
# (scripts/test-services.sh).
#   drivers   1,000 kill -9 of a driver in 10,000 submissions to a vendor that counts
#             its jobs, 1,000 jobs through one driver without growth, and every break
#             of the reference driver against the whole conformance kit: it fails its
#             check and no other (30 minutes)
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
drivers)
	ENGINE_TORTURE=full go test -count=1 -v -timeout 90m -run '^(TestTorture|TestNoGrowth)$' ./backends/qpu
	ENGINE_BREAKS=all go test -count=1 -timeout 90m -run '^TestBreaks$' ./plugins/vendors/mockqpu
	;;
*)
	echo "torture: want TORTURE=drivers" >&2
	exit 2
	;;
esac
