package proofs

import (
	"fmt"
	"strings"
)

// metered derives the metered hash of each WebAssembly module again whose bytes
// the bundle has.
func (v *verifier) metered() (string, error) {
	if v.in.Meter == nil || v.in.Bundle == nil {
		return "", skipf("no meter at hand or no bundle")
	}
	b := &v.p.Body.Binding
	_, version, _ := strings.Cut(b.Engine, " meter/")
	if version != v.in.Meter.Version() {
		return "", skipf("the executor's meter is %.20q, this verifier has %s", version, v.in.Meter.Version())
	}
	n := 0
	for i := range b.Modules {
		m := &b.Modules[i]
		wasm, ok := v.in.Bundle.Modules[m.SHA3]
		if !ok || m.Slot == "driver" {
			continue
		}
		sum, err := v.in.Meter.Metered(m.Slot, wasm)
		if err := equal("metered_sha3_256 of "+m.Slot, m.MeteredSHA3, sum, err); err != nil {
			return "", err
		}
		n++
	}
	if n == 0 {
		return "", skipf("no module in the bundle")
	}
	return fmt.Sprintf("%d modules", n), nil
}
