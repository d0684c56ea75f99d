#!/bin/sh
# What needs Python and a package index: the Python package, the conformance kit
# against the Python example and the qiskit driver, and clients of others against the
# fakes of vendors.
# Needs python3 (3.11 or newer) with venv, and the package index; without the index it
# says so, and fails only with CI_STRICT=1.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
fake=
trap 'test -z "$fake" || kill "$fake"; rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/engine" ./cmd/engine
python3 -m venv "$work/.venv"
cp -r plugins/driver/python "$work/package"
if ! "$work/.venv/bin/pip" install -q --disable-pip-version-check "$work/package"; then
	echo "skipped: the package index does not answer"
	exit "${CI_STRICT:-0}"
fi

# fails CODE COMMAND…: the command ends with this exit code.
fails() {
	want=$1
	shift
	got=0
	"$@" >"$work/out" 2>&1 || got=$?
	test "$got" = "$want" || { cat "$work/out"; echo "exit $got, want $want: $*" >&2; exit 1; }
}

echo "== the package and the example"
"$work/.venv/bin/python" -m unittest discover -s plugins/driver/python/tests
set --
base=$("$work/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')
if [ "$base" != /usr ]; then
	printf 'drivers:\n  engine-driver-tiny:\n    read: [%s]\n' "$base" >"$work/engine.yaml"
	set -- --config "$work/engine.yaml"
fi
sed "1s|.*|#!$work/.venv/bin/python|" examples/drivers/python/engine-driver-tiny >"$work/engine-driver-tiny"
chmod +x "$work/engine-driver-tiny"
"$work/engine" driver test "$work/engine-driver-tiny" --jobs 50 "$@" | tail -1

echo "== the qiskit driver"
export XDG_CACHE_HOME="$work/cache" XDG_DATA_HOME="$work/data" XDG_CONFIG_HOME="$work/config"
device() { printf 'drivers:\n  qiskit:\n    config: {%s}\n' "$1"; }
device 'width: 9, seed: "00000000000000000000000000000000000000000000000000000000000000aa"' >"$work/aer.yaml"
device 'backend: "qiskit_ibm_runtime.fake_provider:FakeGuadalupeV2"' >"$work/guadalupe.yaml"
device 'width: 3' >"$work/three.yaml"
device 'backend: "qiskit_ibm_runtime.fake_provider:FakeManilaV2", qubits: [0, 1, 2]' >"$work/manila.yaml"
"$work/engine" driver lock qiskit
"$work/engine" driver approve qiskit --by test
XDG_CACHE_HOME="$work/empty" PIP_INDEX_URL=http://127.0.0.1:9 PIP_FIND_LINKS= PIP_RETRIES=0 fails 60 "$work/engine" driver test qiskit
"$work/engine" --config "$work/aer.yaml" driver test qiskit --jobs 20 | tail -1
"$work/engine" --config "$work/guadalupe.yaml" driver test qiskit --jobs 20 --only not-coupled,calibration-stable,calibration-by-id,calibration-raw-hash,calibration-units,calibration-gates,bits-over-a-byte,gate-s,phases-in-order,gate-cz,shots-are-not-constant,calibration-in-trailer | tail -1
python=$(ls -d "$work"/cache/animica/engine/python/qiskit-*/bin)/python
PYTHONPATH=plugins/vendors/qiskit/src:plugins/driver/python/src PYTHONDONTWRITEBYTECODE=1 "$python" -m unittest discover -s plugins/vendors/qiskit/tests
cat >"$work/job.json" <<'J'
{"job_id": "abababababababababababababababababababababababababababababababab", "kind": "quantum",
 "spec": {"circuit_id": "animica.quantum.trapset.v1", "width": 3, "depth": 4, "shots": 400, "trap_ratio": 0.3,
  "seed": "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"}, "max_latency_ms": 2000, "price": {"units": 12}}
J
"$work/engine" --config "$work/three.yaml" run "$work/job.json" --backend qiskit --out "$work/proof" --plot none
"$work/engine" proof verify "$work/proof/proof.json" --bundle "$work/proof" | tail -1
fails 40 "$work/engine" --config "$work/manila.yaml" run "$work/job.json" --backend qiskit --trap-policy ref@1 --out "$work/noisy" --json
grep -q '"verdict":"fail"' "$work/out"
echo "x = 1" >>"$(dirname "$python")/../lib/changed.py"
fails 51 "$work/engine" --config "$work/three.yaml" driver info qiskit

echo "== clients of others against the fakes"
python3 -m venv "$work/clients"
"$work/clients/bin/pip" install -q --no-compile --disable-pip-version-check cirq-ionq==1.7.0 iqm-client==36.0.0 qiskit-ionq==1.1.1
for vendor in ionq iqm; do
	"$work/engine" fake "$vendor" --json >"$work/listen" &
	fake=$!
	until [ -s "$work/listen" ]; do
		kill -0 "$fake"
		sleep 0.1
	done
	"$work/clients/bin/python" "scripts/clients/check_$vendor.py" "$(sed 's/.*"\(http[^"]*\)".*/\1/' "$work/listen")"
	kill "$fake"
	wait "$fake" || true
	fake=
	: >"$work/listen"
done
