package transcript

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// The frames of trap_mode verifier: a verifier compiles and commits to a batch, a
// provider runs it and commits to raw outcomes, the verifier opens its nonce and
// says what they prove.

// BatchFrame fixes a batch before it is handed out. J commits to the seed, the
// rows root to every slot.
type BatchFrame struct {
	ChainID, Round      uint64
	JobID, LeaseID      digest.Digest
	JobDigest           digest.Digest // J
	CompiledCircuitHash digest.Digest
	Modules             ModuleSet // that compiled and made the slots
	PlanSHA3            digest.Digest
	RowsRoot            digest.Digest
	NonceHash           digest.Digest // of the nonce that the seed was made of
	Width, Shots        uint64
	BatchSHA3           digest.Digest // of the bytes of the batch
}

// Frame implements Framed (domain qprov/v1/batch).
func (b BatchFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/batch")
	var list []Value
	for _, m := range b.Modules {
		e, err := Encode(m)
		if err != nil {
			return f.Fail(err)
		}
		list = append(list, BytesValue(e))
	}
	modules, err := EncodeCBOR(ArrayValue(list...), ParamsLimits)
	if err != nil {
		return f.Fail(err)
	}
	return f.U64(1, b.ChainID).U64(2, b.Round).H32(3, b.JobID).H32(4, b.LeaseID).H32(5, b.JobDigest).H32(6, b.CompiledCircuitHash).
		Bytes(7, modules, uint64(ParamsLimits.Bytes)).H32(8, b.PlanSHA3).H32(9, b.RowsRoot).H32(10, b.NonceHash).U64(11, b.Width).U64(12, b.Shots).H32(13, b.BatchSHA3)
}

// RawFrame is what a provider signs after running a batch: it fixes the outcomes
// before anyone has told it which slots were traps.
type RawFrame struct {
	Batch          digest.Digest // of the batch frame
	ExecDigest     digest.Digest // X
	ProviderID     digest.Digest
	EngineVersion  string
	Device         DeviceFrame
	Driver         *ModuleFrame // nil: no driver
	OutcomesRoot   digest.Digest
	Executed       uint64 // slots that have an outcome
	StartedUnixMS  uint64
	FinishedUnixMS uint64
	Flags          uint64 // as in the envelope
}

// Frame implements Framed (domain qprov/v1/raw-result).
func (r RawFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/raw-result")
	device, err := Encode(r.Device)
	if err != nil {
		return f.Fail(err)
	}
	var driver []byte
	if r.Driver != nil {
		if driver, err = Encode(*r.Driver); err != nil {
			return f.Fail(err)
		}
	}
	return f.H32(1, r.Batch).H32(2, r.ExecDigest).H32(3, r.ProviderID).Text(4, r.EngineVersion).Bytes(5, device, 1<<14).Bytes(6, driver, 1<<14).
		H32(7, r.OutcomesRoot).U64(8, r.Executed).U64(9, r.StartedUnixMS).U64(10, r.FinishedUnixMS).U64(11, r.Flags)
}

// BatchExec is X of a batch on a provider: J, compiled circuit and slots are the
// batch's, the rest the provider's. M is the batch's modules and the driver.
func BatchExec(b BatchFrame, r RawFrame) (ExecFrame, error) {
	x := ExecFrame{JobDigest: b.JobDigest, ProviderID: r.ProviderID, CompiledCircuitHash: b.CompiledCircuitHash, EngineVersion: r.EngineVersion}
	set := slices.Clone(b.Modules)
	if r.Driver != nil {
		set = append(set, *r.Driver)
	}
	var err error
	if x.ModuleSetHash, err = Sum(set); err != nil {
		return x, err
	}
	if x.DeviceHash, err = Sum(r.Device); err != nil {
		return x, err
	}
	x.TrapPlanHash, err = TrapPlanHash(b.PlanSHA3, b.RowsRoot)
	return x, err
}

// VerdictFrame is the verifier's word on a raw result, with the nonce that lets
// everyone derive the slots again.
type VerdictFrame struct {
	Raw        digest.Digest // of the raw-result frame
	Result     digest.Digest // R
	Decision   uint64        // of the report
	TrapPass   uint64
	TrapFail   uint64
	Hist       digest.Digest // G
	TrapReport digest.Digest
	Nonce      digest.Digest
}

// Frame implements Framed (domain qprov/v1/verdict).
func (v VerdictFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/verdict")
	if v.Decision > 2 {
		f.fail("verdict: decision %d", v.Decision)
	}
	return f.H32(1, v.Raw).H32(2, v.Result).U64(3, v.Decision).U64(4, v.TrapPass).U64(5, v.TrapFail).H32(6, v.Hist).H32(7, v.TrapReport).H32(8, v.Nonce)
}

// fieldReader reads the fields 1..n of a frame; the first mistake sticks. What was
// read is encoded again and compared, so that sizes and texts need no second check.
type fieldReader struct {
	fields []Field
	err    error
}

func readFields(b []byte, domain string, n int) *fieldReader {
	got, fields, err := ParseFrame(b)
	if err == nil && (got != domain || len(fields) != n) {
		err = fmt.Errorf("domain %q with %d fields, want %s with %d: %w", got, len(fields), domain, n, ErrFrame)
	}
	for i, f := range fields {
		if err == nil && int(f.ID) != i+1 {
			err = fmt.Errorf("%s: field %d in place %d: %w", domain, f.ID, i+1, ErrFrame)
		}
	}
	return &fieldReader{fields, err}
}

func (r *fieldReader) bytes(id, size int) []byte {
	if r.err != nil {
		return nil
	}
	v := r.fields[id-1].Value
	if size >= 0 && len(v) != size {
		r.err = fmt.Errorf("field %d of %d bytes, want %d: %w", id, len(v), size, ErrFrame)
		return nil
	}
	return v
}

func (r *fieldReader) h32(id int) (d digest.Digest) {
	copy(d[:], r.bytes(id, len(d)))
	return d
}

func (r *fieldReader) optionalH32(id int) (d digest.Digest) {
	if len(r.bytes(id, -1)) == 0 {
		return d
	}
	return r.h32(id)
}

func (r *fieldReader) u64(id int) uint64 {
	if v := r.bytes(id, 8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *fieldReader) text(id int) string { return string(r.bytes(id, -1)) }

// same refuses bytes that are not the encoding of what was read of them.
func same(f Framed, b []byte, err error) error {
	if err != nil {
		return err
	}
	again, err := Encode(f)
	if err == nil && string(again) != string(b) {
		err = fmt.Errorf("frame has another encoding: %w", ErrFrame)
	}
	return err
}

// ParseModule reads the bytes of a module frame.
func ParseModule(b []byte) (ModuleFrame, error) {
	r := readFields(b, "qprov/v1/module", 6)
	m := ModuleFrame{Slot: r.text(1), Name: r.text(2), Version: r.text(3), ABI: r.u64(4), Size: r.u64(5), SHA3: r.h32(6)}
	return m, same(m, b, r.err)
}

// ParseDevice reads the bytes of a device frame.
func ParseDevice(b []byte) (DeviceFrame, error) {
	r := readFields(b, "qprov/v1/device", 7)
	d := DeviceFrame{Vendor: r.text(1), Family: r.text(2), Serial: r.text(3), Firmware: r.text(4), DeviceKeySHA3: r.optionalH32(5), VendorCertSHA3: r.optionalH32(6), CalibrationID: r.text(7)}
	return d, same(d, b, r.err)
}

// ParseBatch reads the bytes of a batch frame.
func ParseBatch(b []byte) (BatchFrame, error) {
	r := readFields(b, "qprov/v1/batch", 13)
	f := BatchFrame{ChainID: r.u64(1), Round: r.u64(2), JobID: r.h32(3), LeaseID: r.h32(4), JobDigest: r.h32(5), CompiledCircuitHash: r.h32(6),
		PlanSHA3: r.h32(8), RowsRoot: r.h32(9), NonceHash: r.h32(10), Width: r.u64(11), Shots: r.u64(12), BatchSHA3: r.h32(13)}
	raw := r.bytes(7, -1)
	if r.err != nil {
		return f, r.err
	}
	list, err := DecodeCBOR(raw, ParamsLimits)
	if err == nil && (list.Kind != KindArray || len(list.Array) > MaxModules) {
		err = fmt.Errorf("batch: modules are no list of up to %d: %w", MaxModules, ErrFrame)
	}
	if err != nil {
		return f, err
	}
	for _, v := range list.Array {
		m, err := ParseModule(v.Bytes)
		if err != nil {
			return f, fmt.Errorf("batch: module: %w", err)
		}
		f.Modules = append(f.Modules, m)
	}
	return f, same(f, b, nil)
}

// ParseRaw reads the bytes of a raw-result frame.
func ParseRaw(b []byte) (RawFrame, error) {
	r := readFields(b, "qprov/v1/raw-result", 11)
	f := RawFrame{Batch: r.h32(1), ExecDigest: r.h32(2), ProviderID: r.h32(3), EngineVersion: r.text(4), OutcomesRoot: r.h32(7), Executed: r.u64(8),
		StartedUnixMS: r.u64(9), FinishedUnixMS: r.u64(10), Flags: r.u64(11)}
	device, driver := r.bytes(5, -1), r.bytes(6, -1)
	if r.err != nil {
		return f, r.err
	}
	var err error
	if f.Device, err = ParseDevice(device); err != nil {
		return f, fmt.Errorf("raw result: device: %w", err)
	}
	if len(driver) > 0 {
		m, err := ParseModule(driver)
		if err != nil {
			return f, fmt.Errorf("raw result: driver: %w", err)
		}
		f.Driver = &m
	}
	return f, same(f, b, nil)
}

// ParseVerdict reads the bytes of a verdict frame.
func ParseVerdict(b []byte) (VerdictFrame, error) {
	r := readFields(b, "qprov/v1/verdict", 8)
	v := VerdictFrame{Raw: r.h32(1), Result: r.h32(2), Decision: r.u64(3), TrapPass: r.u64(4), TrapFail: r.u64(5), Hist: r.h32(6), TrapReport: r.h32(7), Nonce: r.h32(8)}
	return v, same(v, b, r.err)
}

// ParseFraud reads the bytes of a fraud frame.
func ParseFraud(b []byte) (FraudFrame, error) {
	r := readFields(b, "qprov/v1/fraud", 5)
	f := FraudFrame{Result: r.h32(1), Claim: r.h32(2), ProviderID: r.h32(3), Reason: r.u64(4), Evidence: r.h32(5)}
	return f, same(f, b, r.err)
}
