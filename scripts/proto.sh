#!/bin/sh
# Checks the driver contract: lint, no breaking change against the frozen image,
# and generated code equal to the committed. With "write" it regenerates the code;
# with "freeze" it makes the present contract the frozen one, which only a new
# protocol version does. buf comes from its package index in a virtual
# environment, the plugins from the Go module cache.
set -eu
cd "$(dirname "$0")/../plugins/driver/proto"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check buf-bin==1.75.0
GOBIN="$work/bin" GOFLAGS=-mod=mod go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN="$work/bin" GOFLAGS=-mod=mod go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
PATH="$work/bin:$work/venv/bin:$PATH"
buf lint
case ${1:-check} in
write) buf generate ;;
freeze) buf build -o frozen.binpb ;;
check)
	buf breaking --against frozen.binpb
	buf generate -o "$work/out/a/b"
	for f in driver.pb.go driver_grpc.pb.go; do
		found=$(find "$work" -name "$f" -not -path '*/venv/*')
		cmp "$found" "../driverv1/$f" || { echo "driverv1/$f is not what the contract generates: scripts/proto.sh write" >&2; exit 1; }
	done
	;;
*) echo "usage: proto.sh [check|write|freeze]" >&2; exit 2 ;;
esac
