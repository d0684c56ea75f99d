#!/bin/sh
# Installs the Python package into a virtual environment and runs the conformance
# kit against the Python example.
# Needs python3 with venv, and the package index; without the index it says so, and
# fails only with CI_STRICT=1.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/engine" ./cmd/engine
python3 -m venv "$work/.venv"
cp -r plugins/driver/python "$work/package"
if ! "$work/.venv/bin/pip" install -q --disable-pip-version-check "$work/package"; then
	echo "skipped: the package index does not answer"
	exit "${CI_STRICT:-0}"
fi
"$work/.venv/bin/python" -m unittest discover -s plugins/driver/python/tests
set --
base=$("$work/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')
if [ "$base" != /usr ]; then
	printf 'drivers:\n  engine-driver-tiny:\n    read: [%s]\n' "$base" >"$work/engine.yaml"
	set -- --config "$work/engine.yaml"
fi
sed "1s|.*|#!$work/.venv/bin/python|" examples/drivers/python/engine-driver-tiny >"$work/engine-driver-tiny"
chmod +x "$work/engine-driver-tiny"
"$work/engine" driver test "$work/engine-driver-tiny" --jobs 50 "$@"
