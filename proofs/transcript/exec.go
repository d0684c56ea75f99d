package transcript

import (
	"slices"
	"strings"

	"github.com/animicaorg/engine/digest"
)

// ModuleFrame names one artifact that took part in a job.
type ModuleFrame struct {
	Slot    string // compiler, compiler.1, traps, driver
	Name    string
	Version string
	ABI     uint64        // ABI or protocol version
	Size    uint64        // bytes
	SHA3    digest.Digest // SHA3-256 of the exact bytes as shipped
}

// Frame implements Framed (domain qprov/v1/module).
func (m ModuleFrame) Frame() *Frame {
	return NewFrame("qprov/v1/module").Text(1, m.Slot).Text(2, m.Name).Text(3, m.Version).
		U64(4, m.ABI).U64(5, m.Size).H32(6, m.SHA3)
}

// MaxModules bounds a module set.
const MaxModules = 64

// ModuleSet is M. Order does not matter, slots are unique.
type ModuleSet []ModuleFrame

// Frame implements Framed (domain qprov/v1/modset).
func (s ModuleSet) Frame() *Frame {
	f := NewFrame("qprov/v1/modset")
	if len(s) > MaxModules {
		f.fail("%d modules, limit %d", len(s), MaxModules)
		return f
	}
	sorted := slices.Clone(s)
	slices.SortFunc(sorted, func(a, b ModuleFrame) int { return strings.Compare(a.Slot, b.Slot) })
	var all []byte
	for i, m := range sorted {
		if i > 0 && sorted[i-1].Slot == m.Slot {
			f.fail("slot %q twice", m.Slot)
		}
		d, err := Sum(m)
		if err != nil {
			return f.Fail(err)
		}
		all = append(all, d[:]...)
	}
	return f.U64(1, uint64(len(s))).Bytes(2, all, 32*MaxModules)
}

// DeviceFrame is D, the machine that ran the shots.
type DeviceFrame struct {
	Vendor         string
	Family         string
	Serial         string
	Firmware       string
	DeviceKeySHA3  digest.Digest // zero: no device key
	VendorCertSHA3 digest.Digest // zero: no certificate
	CalibrationID  string
}

// Frame implements Framed (domain qprov/v1/device).
func (d DeviceFrame) Frame() *Frame {
	return NewFrame("qprov/v1/device").Text(1, d.Vendor).Text(2, d.Family).Text(3, d.Serial).
		Text(4, d.Firmware).OptionalH32(5, d.DeviceKeySHA3).OptionalH32(6, d.VendorCertSHA3).Text(7, d.CalibrationID)
}

// SimulatorDevice is D of the built-in simulator: nothing of the machine it
// runs on enters any digest, only the numeric version ("numeric/1").
func SimulatorDevice(numericVersion string) DeviceFrame {
	return DeviceFrame{Vendor: "animica", Family: "simulator", Firmware: numericVersion}
}

// ExecFrame is X, fixed before the first shot.
type ExecFrame struct {
	JobDigest           digest.Digest
	ProviderID          digest.Digest
	CompiledCircuitHash digest.Digest
	ModuleSetHash       digest.Digest
	DeviceHash          digest.Digest
	EngineVersion       string // engine/<semver> numeric/<n> meter/<n>
	RunnerMeasurement   []byte // 0, 32, 48 or 64 bytes
	TrapPlanHash        digest.Digest
}

// Frame implements Framed (domain qprov/v1/exec).
func (x ExecFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/exec")
	switch len(x.RunnerMeasurement) {
	case 0, 32, 48, 64:
	default:
		f.fail("runner measurement of %d bytes, want 0, 32, 48 or 64", len(x.RunnerMeasurement))
	}
	return f.H32(1, x.JobDigest).H32(2, x.ProviderID).H32(3, x.CompiledCircuitHash).H32(4, x.ModuleSetHash).
		H32(5, x.DeviceHash).Text(6, x.EngineVersion).Bytes(7, x.RunnerMeasurement, 64).H32(8, x.TrapPlanHash)
}
