#!/usr/bin/env bash
# Plants each bug of planted-bugs.txt in a copy of its file, by an overlay, and
# demands that the network's tests fail.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
while IFS= read -r line; do
	case "$line" in '' | '#'*) continue ;; esac
	n=$((n + 1))
	python3 - "$line" "$PWD" "$tmp" <<'PY'
import json, sys
file, old, new = sys.argv[1].split(" | ")
text = open(file).read()
if old not in text:
    sys.exit(f"planted-bugs: {file} has no {old!r}")
open(sys.argv[3] + "/bug.go", "w").write(text.replace(old, new, 1))
json.dump({"Replace": {sys.argv[2] + "/" + file: sys.argv[3] + "/bug.go"}}, open(sys.argv[3] + "/overlay.json", "w"))
PY
	if go test -overlay "$tmp/overlay.json" -count=1 -timeout 20m -run '^(TestAgainstTheModel|TestALapsed|TestLate|TestFabricated|TestUnbonding)' ./aicf/network -rapid.checks="${CHECKS:-100}" -rapid.steps=60 -rapid.nofailfile >"$tmp/out" 2>&1; then
		echo "bug $n is not found: $line" >&2
		exit 1
	fi
	if ! grep -q -- '--- FAIL' "$tmp/out"; then
		cat "$tmp/out" >&2
		echo "bug $n does not compile: $line" >&2
		exit 1
	fi
	echo "bug $n found by $(grep -m1 -o -- '--- FAIL: [A-Za-z0-9]*' "$tmp/out" | cut -d' ' -f3)"
done <scripts/planted-bugs.txt
