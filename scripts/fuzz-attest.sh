#!/usr/bin/env bash
# Fuzzes the parsers of evidence, certificates, proofs, keys and the audit log, and the
# readers that they stand on, for the time given each.
# usage: scripts/fuzz-attest.sh 10m        or --list: print "package target" lines
set -euo pipefail
cd "$(dirname "$0")/.."
exec ./scripts/fuzz.sh "${1:-10s}" ./proofs/... ./keys/... ./internal/strictjson ./internal/httpsig ./internal/sbom
