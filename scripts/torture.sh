#!/usr/bin/env bash
# One torture at full size. What it does in small runs on every commit
# (scripts/test-services.sh).
#   drivers   1,000 kill -9 of a driver in 10,000 submissions to a vendor that counts
#             its jobs, 1,000 jobs through one driver without growth, and every break
#             of the reference driver against the whole conformance kit: it fails its
#             check and no other (30 minutes)
#   P1        1,000 kill -9 of the network's service during 100,000 jobs of eight
#             clients; nothing that was answered is lost or changed
#   P2        10,000 power cuts of what the service wrote (20 slices), and 50 crashes
#             of PostgreSQL
#   P3        100,000 lease operations with paused holders on each engine, checked
#             for linearizability
#   P4        10,000 results, each sent one to five times, early, late and twice
#   P5        a replica killed at 20 steps of each of 50 settlements, on each engine
#   P6        10,000 claims through a payer that loses orders and answers
#   P7        three replicas on one PostgreSQL behind proxies that reset and freeze: one hour
#   P9        one of four workers killed every two seconds for ten minutes
#   P10       clocks that leap and differ
#   P11       full disks, disks that cannot be written, long logs
#   P12       ten times the load, ten minutes each
#   P13       old databases, downgrades, 300 rolling restarts, the restore drill
#   P14       soak: 24 slices of an hour on one database
#   model     100,000 random histories of all verbs against the model, on each engine
#   plans     the plans of all hot statements with 1,000,000 jobs, on each engine
#   bugs      each planted bug of scripts/planted-bugs.txt is found by the tests
# TORTURE_SIZE=commit runs P1 to P14 at the size of a commit. TORTURE_SEED=N makes other
# cuts, kills and orders. What has slices is resumed: TORTURE_STATE (default .torture)
# says which are done, and a slice takes at most an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
export TORTURE_SIZE=${TORTURE_SIZE:-full}
state=${TORTURE_STATE:-.torture}
network() { CI_STRICT=1 go test -count=1 -v -timeout 24h -run "$1" ./aicf/network "${@:2}"; }

# slices NAME COUNT TESTS runs what is left of COUNT slices, each with a seed of its own.
slices() {
	if [ "$TORTURE_SIZE" != full ]; then
		network "$3"
		return
	fi
	mkdir -p "$state"
	local done
	done=$(cat "$state/$1.done" 2>/dev/null || echo 0)
	while [ "$done" -lt "$2" ]; do
		done=$((done + 1))
		echo "-- $1: slice $done of $2"
		TORTURE_SEED=$((${TORTURE_SEED:-0} + done)) network "$3"
		echo "$done" >"$state/$1.done"
	done
	rm -f "$state/$1.done"
}

case "${1:-}" in
drivers)
	ENGINE_TORTURE=full go test -count=1 -v -timeout 90m -run '^(TestTorture|TestNoGrowth)$' ./backends/qpu
	ENGINE_BREAKS=all go test -count=1 -timeout 90m -run '^TestBreaks$' ./plugins/vendors/mockqpu
	;;
P1) network '^TestKill9$' ;;
P2)
	slices P2 20 '^TestPowerCuts$'
	network '^TestPostgresCrashes$'
	;;
P3) network '^(TestStaleWritesAreSeen|TestLeasesAreLinearizable)$' ;;
P4) network '^TestResultsCountOnce$' ;;
P5) network '^TestSettlementAtEveryFailpoint$' ;;
P6) network '^TestPayoutsThroughAnUnreliablePayer$' ;;
P7) network '^(TestCommitsWithoutAnAnswer|TestReplicasUnderResets)$' ;;
P9) go test -count=1 -v -timeout 60m -run '^TestWorkersDie$' ./backends/fleet ;;
P10)
	go test -count=1 ./aicf/clock
	network '^TestClockFaults$'
	;;
P11) network '^(TestDiskFull|TestReadOnlyFileSystem|TestLongWAL)$' ;;
P12) network '^TestOverload$' ;;
P13) network '^(TestOldData|TestDowngradeIsRefused|TestRollingRestart|TestRestoreDrill)$' ;;
P14)
	if [ "$TORTURE_SIZE" = full ]; then
		mkdir -p "$state/soak"
		TORTURE_DIR=$(cd "$state/soak" && pwd)
		export TORTURE_DIR
	fi
	slices P14 24 '^TestSoak$'
	;;
model) network '^TestAgainstTheModel$' -rapid.checks=100000 -rapid.steps=60 ;;
plans) network '^TestPlansOfAMillionJobs$' ;;
bugs) ./scripts/planted-bugs.sh ;;
*)
	echo "torture: want TORTURE=drivers, P1 to P7, P9 to P14, model, plans or bugs" >&2
	exit 2
	;;
esac
