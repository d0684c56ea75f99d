#!/usr/bin/env bash
# One torture at full size. What it does in small runs on every commit
# (scripts/test-services.sh).
#   drivers   1,000 kill -9 of a driver in 10,000 submissions to a vendor that counts
#             its jobs, 1,000 jobs through one driver without growth, and every break
#             of the reference driver against the whole conformance kit: it fails its
#             check and no other (30 minutes)
#   P1        1,000 kill -9 of the network's service during 100,000 jobs of eight
#             clients; nothing that was answered is lost or changed (TORTURE_SEED=N)
#   P3        100,000 lease operations with paused holders on each engine, checked
#             for linearizability
#   P6        claims through a payer that loses orders and answers
#   P8        1,000 kill -9 of the provider daemon during 10,000 jobs: each job is done
#             and paid once. TORTURE_DIR keeps the state and TORTURE_SLICE=50m ends a
#             slice; the next run goes on
#   model     100,000 random histories of all verbs against the model, on each engine
#   bugs      each planted bug of scripts/planted-bugs.txt is found by the tests
# TORTURE_SIZE=commit runs P1, P3, P6 and P8 at the size of a commit.
set -euo pipefail
cd "$(dirname "$0")/.."
export TORTURE_SIZE=${TORTURE_SIZE:-full}
network() { CI_STRICT=1 go test -count=1 -v -timeout 24h -run "$1" ./aicf/network "${@:2}"; }
case "${1:-}" in
drivers)
	ENGINE_TORTURE=full go test -count=1 -v -timeout 90m -run '^(TestTorture|TestNoGrowth)$' ./backends/qpu
	ENGINE_BREAKS=all go test -count=1 -timeout 90m -run '^TestBreaks$' ./plugins/vendors/mockqpu
	;;
P1) network '^TestKill9$' ;;
P3) network '^(TestStaleWritesAreSeen|TestLeasesAreLinearizable)$' ;;
P6) network '^TestPayoutsThroughAnUnreliablePayer$' ;;
P8) go test -count=1 -v -timeout 24h -run '^TestProviderKill9$' ./cmd/engine ;;
model) network '^TestAgainstTheModel$' -rapid.checks=100000 -rapid.steps=60 ;;
bugs) ./scripts/planted-bugs.sh ;;
*)
	echo "torture: want TORTURE=drivers, P1, P3, P6, P8, model or bugs" >&2
	exit 2
	;;
esac
