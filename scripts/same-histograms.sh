#!/usr/bin/env bash
# One seed, one histogram: engine sim gives the same hist_digest for every kernel, for 1,
# 2, 3 and 7 threads, without assembly (-tags purego) and on arm64 (under qemu-user,
# where it is installed; with CI_STRICT=1 it must be), for complex64 and complex128 each
# with itself. Circuits: the guide's kind, exchanges, phases, a Clifford one, one that
# goes on after measurements.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export CGO_ENABLED=0
go build -trimpath -o "$dir/native" ./cmd/engine
go build -trimpath -tags purego -o "$dir/purego" ./cmd/engine
arm=()
if command -v qemu-aarch64 >/dev/null; then
	GOARCH=arm64 go build -trimpath -o "$dir/arm64" ./cmd/engine
	arm=(qemu-aarch64 "$dir/arm64")
elif [ "${CI_STRICT:-0}" = 1 ]; then
	echo "same-histograms: qemu-aarch64 is not installed" >&2
	exit 1
else
	echo "skipped: qemu-aarch64 is not installed"
fi

head='OPENQASM 2.0; include "qelib1.inc";'
{
	echo "$head qreg q[13]; creg c[13];"
	for layer in 1 2 3 4 5 6; do
		for q in $(seq 0 12); do echo "u3(0.$layer$q,1.$q$layer,2.$layer$q) q[$q];"; done
		for q in $(seq $((layer % 2)) 2 11); do echo "cz q[$q],q[$((q + 1))];"; done
	done
	echo "measure q -> c;"
} >"$dir/brickwork.qasm"
{
	echo "$head gate fsim(t, p) a, b { rxx(t) a, b; ryy(t) a, b; cu1(-p) a, b; } qreg q[13]; creg c[13];"
	for layer in 1 2 3 4; do
		for q in $(seq 0 12); do echo "u3(0.$layer$q,1.$q$layer,2.$layer$q) q[$q];"; done
		for q in $(seq $((layer % 2)) 2 11); do echo "fsim(0.$q$layer,1.$layer) q[$q],q[$((q + 1))];"; done
	done
	echo "measure q -> c;"
} >"$dir/exchanges.qasm"
{
	echo "$head qreg q[10]; creg c[10]; ry(0.3) q[0]; ry(1.1) q[4];"
	for q in 9 8 7 6 5 4 3 2 1 0; do
		echo "h q[$q];"
		for k in $(seq 0 $((q - 1))); do echo "cu1(pi/$((1 << (q - k)))) q[$k],q[$q];"; done
	done
	echo "measure q -> c;"
} >"$dir/phases.qasm"
echo "$head qreg q[30]; creg c[30]; h q; cx q[0],q[7]; cx q[7],q[29]; s q[3]; h q[3]; cz q[3],q[29]; measure q -> c;" >"$dir/clifford.qasm"
echo "$head qreg q[3]; creg c[3]; rx(1) q[0]; measure q[0] -> c[0]; cx q[0],q[1]; ry(0.4) q[1]; measure q[1] -> c[1]; measure q[2] -> c[2];" >"$dir/measured.qasm"

seed=$(printf '%064x' 77)
runs=0
digest() { # program… circuit precision flags…
	"$@" --shots 2000 --seed "$seed" --json | sed -n 's/.*"hist_digest":"\([0-9a-f]*\)".*/\1/p'
}
same() { # what it is, the digest, the one wanted
	runs=$((runs + 1))
	if [ -z "$3" ] || [ "$2" != "$3" ]; then
		echo "same-histograms: $1 gives '$2', native gives '$3'" >&2
		exit 1
	fi
}
for c in brickwork exchanges phases clifford measured; do
	for bits in 32 64; do
		want=$(digest "$dir/native" sim "$dir/$c.qasm" --precision $bits)
		for kernel in avx512 avx2 generic; do
			"$dir/native" sim "$dir/$c.qasm" --shots 1 --kernel $kernel >/dev/null 2>&1 || continue # not on this machine
			for threads in 1 2 3 7; do
				same "$c, $bits bits, $kernel, $threads threads" "$(digest "$dir/native" sim "$dir/$c.qasm" --precision $bits --kernel $kernel --threads $threads)" "$want"
			done
		done
		for threads in 1 2 3 7; do
			same "$c, $bits bits, purego, $threads threads" "$(digest "$dir/purego" sim "$dir/$c.qasm" --precision $bits --threads $threads)" "$want"
			if [ ${#arm[@]} -gt 0 ]; then
				same "$c, $bits bits, arm64, $threads threads" "$(digest "${arm[@]}" sim "$dir/$c.qasm" --precision $bits --threads $threads)" "$want"
			fi
		done
		echo "$c, $bits bits: $want"
	done
done
echo "$runs runs, one histogram each"
