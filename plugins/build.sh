#!/bin/sh
# Builds the shipped WebAssembly modules from their C sources into
# plugins/embedded/ and rewrites plugins/modules.lock. The same sources and the
# same tools (clang-16 and wasm-ld-16 of Debian 12) give the same bytes; CI runs
# this and compares.
#
# clang never links: it would run any wasm-opt it finds in PATH.
set -eu
cd "$(dirname "$0")/.."

CC=${CC_WASM:-clang-16}
LD=${LD_WASM:-wasm-ld-16}
OUT=${1:-plugins/embedded}
mkdir -p "$OUT"
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# module NAME SOURCE MAX_MEMORY_BYTES EXPORTED_FUNCTIONS_ARE_IN_THE_SOURCE [FLAGS...]
module() {
	name=$1 src=$2 max=$3
	shift 3
	"$CC" --target=wasm32-unknown-unknown -std=c11 -O2 -ffreestanding -nostdlib -fno-builtin-printf -fno-ident -fvisibility=hidden \
		-mbulk-memory -msign-ext -mnontrapping-fptoint -Wall -Wextra -Werror -Wno-unused-function -ffile-prefix-map="$PWD"=. \
		-Iabi/guest/c -Iplugins/traps/qtrap "$@" -c "$src" -o "$TMP/$name.o"
	"$LD" --no-entry --strip-all --compress-relocations --stack-first -z stack-size=131072 --max-memory="$max" --no-gc-sections --gc-sections \
		"$TMP/$name.o" -o "$OUT/$name.wasm"
}

module layered plugins/compilers/layered/layered.c 67108864
module accredit plugins/traps/accredit/accredit.c 16777216
module clifford_parity plugins/traps/clifford_parity/clifford_parity.c 16777216
for family in trap_h trap_xz cst mirror iqp hidden_angle xeb_small; do
	module "$family" "plugins/traps/$family/$family.c" 16777216
done

# modules.lock: one module a line, sorted: name kind version abi sha3-256 size meter
# metered-sha3-256. The last is what the meter of this tree makes of the module.
lock() {
	echo "$1 $2 $3 qx1 $(openssl dgst -sha3-256 -r "$OUT/$1.wasm" | cut -d' ' -f1) $(wc -c <"$OUT/$1.wasm" | tr -d ' ') $("$TMP/engine" module meter "$OUT/$1.wasm" |
		awk '$1 == "metered" { sub(",", "", $2); sum = $2 } $1 == "meter" { print $2, sum }')"
}
if [ "$OUT" = plugins/embedded ]; then
	chmod 644 "$OUT"/*.wasm
	go build -o "$TMP/engine" ./cmd/engine
	{
		lock layered compiler 1.0.0
		lock accredit traps 1.0.0
		lock clifford_parity traps 1.0.0
		for family in trap_h trap_xz cst mirror iqp hidden_angle xeb_small; do
			lock "$family" traps 1.0.0
		done
	} | LC_ALL=C sort >plugins/modules.lock
fi
