#!/usr/bin/env bash
# Checks that need more than Go: module rebuild (clang-16, lld-16), a registry
# (docker-registry), an HSM (softhsm2), a TPM (swtpm), a browser (chromium), alert rules (promtool of Debian's prometheus), random modules (binaryen), the assembly generator's own modules, the other instruction
# sets (GOAMD64 v3; arm64 under qemu-user), the race detector (gcc).
# Without CI_STRICT=1 an absent tool skips its step and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
strict=${CI_STRICT:-0}
have() {
	command -v "$1" >/dev/null && return 0
	if [ "$strict" = 1 ]; then
		echo "test-services: $1 is not installed" >&2
		exit 1
	fi
	echo "skipped: $1 is not installed"
	return 1
}

if have clang-16 && have wasm-ld-16; then
	echo "-- modules rebuild to the same bytes"
	./plugins/build.sh
	git diff --exit-code -- plugins/embedded plugins/modules.lock
fi

if have clang-16 && have wasm-ld-16; then
	echo "-- example guests rebuild and keep the contract"
	./scripts/test-guests.sh
fi

# answers tells whether the Python package index is there: the steps that need it are
# about tools, so a network without one is said and not a failure.
answers() {
	dir=$(mktemp -d)
	python3 -m venv "$dir/v" && "$dir/v/bin/pip" download -q --disable-pip-version-check --no-deps -d "$dir" buf-bin==1.75.0 >/dev/null 2>&1
	status=$?
	rm -rf "$dir"
	[ $status = 0 ] || echo "skipped: the Python package index does not answer"
	return $status
}

if have python3 && answers; then
	echo "-- the driver contract: lint, nothing broken, generated code is the committed"
	./scripts/proto.sh
	echo "-- the Python driver passes the conformance kit"
	./scripts/test-python.sh
fi

echo "-- 50 kill -9 of a driver in 500 submissions, 300 jobs without growth"
ENGINE_TORTURE=commit go test -count=1 -v -run '^(TestTorture|TestNoGrowth)$' ./backends/qpu | grep -E '_test.go|^(ok|---|FAIL)'

echo "-- walls around drivers: bubblewrap, cgroup, another account, a thief"
have bwrap || true
go test -count=1 ./plugins/driver/process
go test -count=1 -run 'TestThief|TestNothingSecretCrosses|TestScripts/driver' ./cmd/engine

echo "-- every check of the driver conformance kit can fail"
ENGINE_BREAKS=own go test -count=1 -run TestBreaks ./plugins/vendors/mockqpu

if have docker-registry; then
	echo "-- modules through Debian's docker-registry"
	go test -tags services -count=1 ./modules/oci
fi

if have swtpm; then
	echo "-- quotes of a software TPM"
	go test -count=1 -run TPM ./proofs/attest/quote
fi

echo "-- a run in the fake TEE, which release builds do not have"
go test -tags faketee -count=1 -run FakeTEE ./cmd/engine

if have chromium; then
	echo "-- the verifier's page in Chromium: the guide's bundle and 100 flipped ones"
	go test -tags services -count=1 -run Chromium -timeout 20m ./cmd/verifier
fi

if have chromium; then
	echo "-- the pages of the network in Chromium: light, dark, narrow, by keyboard, without scripts"
	go test -tags services -count=1 -run Chromium -timeout 10m ./web
fi

if have promtool; then
	echo "-- promtool: alert rules fire as their tests say, dashboards ask for what is served"
	go test -tags services -count=1 -timeout 10m ./deploy
fi

if have wasm-opt && have openssl && have gcc; then
	echo "-- 600 random modules end alike on three engines, metered and not"
	./scripts/fuzz-wasm.sh 600
fi

if have softhsm2-util && have gcc; then
	echo "-- keys in an HSM (SoftHSM) over the helper's socket"
	CGO_ENABLED=1 go vet -tags pkcs11 ./cmd/engine-pkcs11
	CGO_ENABLED=1 go test -tags pkcs11 -count=1 ./cmd/engine-pkcs11
fi

echo "-- the assembly regenerates to the same bytes"
go -C _asm vet ./...
go -C _asm test ./...
go generate ./backends/statevector/internal/kernel ./backends/stabilizer/internal/kernel
git diff --exit-code -- backends/statevector/internal/kernel backends/stabilizer/internal/kernel

echo "-- every kernel of this architecture runs and agrees (CI=true)"
if [ "$strict" = 1 ] || grep -q avx512f /proc/cpuinfo; then
	CI=true go test -count=1 ./backends/statevector/internal/... ./backends/stabilizer/internal/...
fi

echo "-- without assembly the digests are the same"
go test -tags purego -count=1 ./backends/...

echo "-- GOAMD64=v3 gives the same digests"
if grep -q avx2 /proc/cpuinfo; then
	GOAMD64=v3 go test -count=1 ./circuit ./backends/...
fi

if have qemu-aarch64; then
	echo "-- arm64 gives the same digests"
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	for pkg in circuit backends/statevector backends/statevector/internal/{kernel,plan,exec} backends/stabilizer backends/stabilizer/internal/kernel backends/sim traps stats seed proofs/transcript; do
		GOARCH=arm64 go test -c -o "$tmp/t" "./$pkg"
		(cd "$pkg" && qemu-aarch64 "$tmp/t" -test.short -test.count=1 | tail -n 1)
	done
	for pkg in host/wasmbin host/meter; do # metered bytes, and the bits of NaNs
		GOARCH=arm64 go test -c -o "$tmp/t" "./$pkg"
		(cd "$pkg" && qemu-aarch64 "$tmp/t" -test.run 'Golden|Determinism|NaN|Hostile|Limits' -test.count=1 | tail -n 1)
	done
fi

echo "-- one seed, one histogram: kernels, threads, purego, arm64, from outside"
./scripts/same-histograms.sh

echo "-- metered bytes are the same on 32 bits"
GOARCH=386 go test -count=1 ./host/wasmbin
GOARCH=386 go test -count=1 -run 'Golden|Determinism|Samples' ./host/meter

if have gcc; then
	echo "-- guests agree on wazero's compiler, its interpreter and wasmtime"
	CGO_ENABLED=1 go test -tags wasmtime -count=1 ./host/wasmtimert ./host/meter ./host/wasmbin
	echo "-- race detector"
	CGO_ENABLED=1 go test -race -short ./engine/... ./host/... ./backends/...
fi

# The suites of the network run on PostgreSQL wherever initdb is, with CI_STRICT=1
# its absence is a failure; here they run at the size of a commit.
echo "-- the network: promises P1 to P14 at the size of a commit"
have strace || true
for torture in P1 P2 P3 P4 P5 P6 P7 P9 P10 P11 P12 P13 P14; do
	TORTURE_SIZE=commit ./scripts/torture.sh "$torture" | grep -E '_test.go:|^(ok|---|FAIL|panic)'
done
