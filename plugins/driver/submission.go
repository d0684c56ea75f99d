package driver

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Limits of one submission, whatever the device says.
const (
	// ChunkBytes is the most rows of one SubmitChunk and of one ResultBody.
	ChunkBytes = 256 << 10
	// MaxProgramBytes bounds the rows of one submission when the device states no
	// limit.
	MaxProgramBytes = 64 << 20
	// MaxRawCalibration bounds a calibration as the vendor sent it.
	MaxRawCalibration = 4 << 20
	// MaxWait bounds the wait of Get.
	MaxWait = 30 * time.Second

	maxWidth   = 4096
	maxLayers  = 1 << 16
	maxCZ      = 1 << 22
	maxPalette = 1 << 20
	maxSlots   = guest.MaxShots
)

// Submission is a batch on its way to a vendor.
type Submission struct {
	Key           [32]byte // names the submission for ever
	Device        string
	Batch         *backends.Batch // Key, Threads and MemoryBytes of it are not sent
	ShotsPerSlot  uint64          // 1 in batches with traps
	Kind          driverv1.ResultKind
	CalibrationID string          // empty: any
	MaxCost       *driverv1.Money // nil: no ceiling
	NotAfter      time.Time       // zero: no limit
	Verbatim      bool
	Meta          *driverv1.Meta
}

// Slots is the number of circuits.
func (s *Submission) Slots() uint64 { return uint64(s.Batch.Rows.N) }

// SubKey names part k of a submission that a driver splits: SHA3-256(key ‖ u32
// little-endian k).
func (s *Submission) SubKey(k uint32) [32]byte {
	return sha3.Sum256(binary.LittleEndian.AppendUint32(slices.Clone(s.Key[:]), k))
}

// Digest is batch_sha3 of SPEC.md: what one key stands for.
func (s *Submission) Digest() [32]byte {
	b := s.Batch
	h := sha3.New256()
	buf := append([]byte("engine.driver.v1/batch\x00"), make([]byte, 0, 4096)...)
	u32, u64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	flush := func() {
		h.Write(buf)
		buf = buf[:0]
	}
	buf = u32(u32(buf, uint32(len(s.Device))), uint32(b.Skeleton.Width))
	buf = append(buf, s.Device...)
	buf = u32(buf, uint32(len(b.Skeleton.Layers)))
	for _, l := range b.Skeleton.Layers {
		buf = u32(buf, uint32(len(l)))
		for _, p := range l {
			buf = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(buf, p.A), p.B)
		}
		flush()
	}
	buf = u32(buf, uint32(len(b.Palette)))
	for _, u := range b.Palette {
		buf = u64(u64(u64(buf, uint64(u.Theta)), uint64(u.Phi)), uint64(u.Lambda))
		if len(buf) > 4000 {
			flush()
		}
	}
	buf = u64(u64(append(buf, byte(b.Rows.ElemSize)), uint64(b.Rows.N)), s.ShotsPerSlot)
	buf = append(buf, byte(s.Kind), 0)
	if s.Verbatim {
		buf[len(buf)-1] = 1
	}
	flush()
	h.Write(b.Rows.Data)
	return [32]byte(h.Sum(nil))
}

// header is the first chunk.
func (s *Submission) header() *driverv1.BatchHeader {
	b, d := s.Batch, s.Digest()
	h := &driverv1.BatchHeader{Meta: s.Meta, IdempotencyKey: s.Key[:], BatchSha3: d[:], DeviceId: s.Device, Skeleton: &driverv1.Skeleton{Width: uint32(b.Skeleton.Width)},
		IndexBytes: uint32(b.Rows.ElemSize), Slots: s.Slots(), ShotsPerSlot: s.ShotsPerSlot, Kind: s.Kind, CalibrationId: s.CalibrationID, MaxCost: s.MaxCost, Verbatim: s.Verbatim}
	for _, l := range b.Skeleton.Layers {
		pairs := make([]uint32, 0, 2*len(l))
		for _, p := range l {
			pairs = append(pairs, uint32(p.A), uint32(p.B))
		}
		h.Skeleton.Layers = append(h.Skeleton.Layers, &driverv1.CZLayer{Pairs: pairs})
	}
	for _, u := range b.Palette {
		for _, a := range [3]circuit.Angle{u.Theta, u.Phi, u.Lambda} {
			h.Palette = binary.LittleEndian.AppendUint64(h.Palette, uint64(a))
		}
	}
	if !s.NotAfter.IsZero() {
		h.NotAfter = timestamppb.New(s.NotAfter)
	}
	return h
}

// chunks sends the header and the rows.
func (s *Submission) chunks(send func(*driverv1.SubmitChunk) error) error {
	if err := send(&driverv1.SubmitChunk{Part: &driverv1.SubmitChunk_Header{Header: s.header()}}); err != nil {
		return err
	}
	for data := s.Batch.Rows.Data; len(data) > 0; {
		n := min(ChunkBytes, len(data))
		if err := send(&driverv1.SubmitChunk{Part: &driverv1.SubmitChunk_Rows{Rows: data[:n]}}); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func invalid(field, format string, args ...any) *Error {
	return &Error{Code: ProgramInvalid, Field: field, VendorMessage: fmt.Sprintf(format, args...)}
}

// receive reads a submission and checks all that can be checked without the
// device: shapes, limits, the batch itself and its digest.
func receive(ctx context.Context, recv func() (*driverv1.SubmitChunk, error), maxBytes uint64) (*Submission, error) {
	c, err := recv()
	if err != nil {
		return nil, invalid("header", "no header: %v", err)
	}
	h := c.GetHeader()
	if h == nil {
		return nil, invalid("header", "the first chunk is not a header")
	}
	s, err := fromHeader(h, maxBytes)
	if err != nil {
		return nil, err
	}
	r := s.Batch.Rows
	want := uint64(r.N) * uint64(r.Locations) * uint64(r.ElemSize)
	if want > maxBytes {
		return nil, &Error{Code: ProgramTooLarge, Field: "slots", VendorMessage: fmt.Sprintf("%d slots make %d bytes of rows, the limit is %d", r.N, want, maxBytes), Hint: "submit fewer slots at once"}
	}
	for uint64(len(r.Data)) < want {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := recv()
		if err != nil {
			return nil, invalid("rows", "%d of %d bytes arrived: %v", len(r.Data), want, err)
		}
		rows := c.GetRows()
		switch {
		case len(rows) == 0:
			return nil, invalid("rows", "a chunk without rows after %d bytes", len(r.Data))
		case uint64(len(rows)) > want-uint64(len(r.Data)):
			return nil, invalid("rows", "more than %d bytes", want)
		}
		r.Data = append(r.Data, rows...)
	}
	if err := s.Batch.Validate(); err != nil {
		return nil, invalid("rows", "%v", err)
	}
	if d := s.Digest(); d != [32]byte(h.BatchSha3) {
		return nil, invalid("batch_sha3", "%x, but the batch hashes to %x", h.BatchSha3, d)
	}
	return s, nil
}

func fromHeader(h *driverv1.BatchHeader, maxBytes uint64) (*Submission, error) {
	switch {
	case len(h.IdempotencyKey) != 32:
		return nil, invalid("idempotency_key", "%d bytes, want 32", len(h.IdempotencyKey))
	case len(h.BatchSha3) != 32:
		return nil, invalid("batch_sha3", "%d bytes, want 32", len(h.BatchSha3))
	case !CheckID(h.DeviceId):
		return nil, &Error{Code: UnknownDevice, Field: "device_id", VendorMessage: fmt.Sprintf("%.130q is no device id", h.DeviceId)}
	case h.Skeleton == nil || h.Skeleton.Width < 1 || h.Skeleton.Width > maxWidth:
		return nil, &Error{Code: TooManyQubits, Field: "skeleton.width", VendorMessage: fmt.Sprintf("width %d, want 1 to %d", h.Skeleton.GetWidth(), maxWidth)}
	case len(h.Skeleton.Layers) > maxLayers:
		return nil, invalid("skeleton.layers", "%d layers, at most %d", len(h.Skeleton.Layers), maxLayers)
	case len(h.Palette)%24 != 0 || len(h.Palette)/24 > maxPalette:
		return nil, invalid("palette", "%d bytes, want 24 an entry and at most %d entries", len(h.Palette), maxPalette)
	case h.IndexBytes != 2 && h.IndexBytes != 4:
		return nil, invalid("index_bytes", "%d, want 2 or 4", h.IndexBytes)
	case h.Slots < 1 || h.Slots > maxSlots:
		return nil, &Error{Code: TooManyShots, Field: "slots", VendorMessage: fmt.Sprintf("%d slots, want 1 to %d", h.Slots, maxSlots)}
	case h.ShotsPerSlot < 1 || h.ShotsPerSlot > maxSlots || h.ShotsPerSlot > 1 && h.Slots > 1:
		return nil, &Error{Code: TooManyShots, Field: "shots_per_slot", VendorMessage: fmt.Sprintf("%d shots for each of %d slots", h.ShotsPerSlot, h.Slots), Hint: "more than one shot only for a single slot"}
	case h.Kind < driverv1.ResultKind_RESULT_KIND_PER_SHOT || h.Kind > driverv1.ResultKind_RESULT_KIND_RESAMPLED:
		return nil, &Error{Code: NotSupported, Field: "kind", VendorMessage: fmt.Sprintf("result kind %d is not known", h.Kind)}
	}
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: int(h.Skeleton.Width)}, Meta: backends.Meta{JobID: h.Meta.GetEngineJobId(), LeaseID: h.Meta.GetLeaseId()}}
	total := 0
	for i, l := range h.Skeleton.Layers {
		if total += len(l.Pairs); len(l.Pairs)%2 != 0 || total > 2*maxCZ {
			return nil, invalid("skeleton.layers", "layer %d: %d numbers, want pairs and at most %d in all", i, len(l.Pairs), maxCZ)
		}
		pairs := make([]circuit.Pair, 0, len(l.Pairs)/2)
		for k := 0; k < len(l.Pairs); k += 2 {
			if l.Pairs[k] >= h.Skeleton.Width || l.Pairs[k+1] >= h.Skeleton.Width {
				return nil, invalid("skeleton.layers", "layer %d: pair (%d, %d) outside the width", i, l.Pairs[k], l.Pairs[k+1])
			}
			pairs = append(pairs, circuit.Pair{A: uint16(l.Pairs[k]), B: uint16(l.Pairs[k+1])})
		}
		b.Skeleton.Layers = append(b.Skeleton.Layers, pairs)
	}
	for p := h.Palette; len(p) > 0; p = p[24:] {
		b.Palette = append(b.Palette, circuit.U3Angles{Theta: circuit.Angle(binary.LittleEndian.Uint64(p)), Phi: circuit.Angle(binary.LittleEndian.Uint64(p[8:])), Lambda: circuit.Angle(binary.LittleEndian.Uint64(p[16:]))})
	}
	b.Rows = &guest.Rows{N: int(h.Slots), Locations: b.Skeleton.Locations(), ElemSize: int(h.IndexBytes)}
	s := &Submission{Key: [32]byte(h.IdempotencyKey), Device: h.DeviceId, Batch: b, ShotsPerSlot: h.ShotsPerSlot, Kind: h.Kind, CalibrationID: h.CalibrationId, MaxCost: h.MaxCost, Verbatim: h.Verbatim, Meta: h.Meta}
	if h.NotAfter != nil {
		if err := h.NotAfter.CheckValid(); err != nil {
			return nil, invalid("not_after", "%v", err)
		}
		s.NotAfter = h.NotAfter.AsTime()
	}
	return s, nil
}

// CheckLimits compares a submission with what its device takes; nil when it fits.
func CheckLimits(s *Submission, d *driverv1.Device) *Error {
	l, b := d.GetLimits(), s.Batch
	gates := uint64(b.Rows.Locations) + uint64(b.Skeleton.NumCZ())
	switch {
	case b.Skeleton.Width > int(d.Width):
		return &Error{Code: TooManyQubits, Field: "skeleton.width", VendorMessage: fmt.Sprintf("width %d, device %s has %d qubits", b.Skeleton.Width, d.Id, d.Width)}
	case s.Slots() > max(1, l.GetMaxSlotsPerSubmit()):
		return &Error{Code: TooManyShots, Field: "slots", VendorMessage: fmt.Sprintf("%d slots, device %s takes %d at once", s.Slots(), d.Id, max(1, l.GetMaxSlotsPerSubmit()))}
	case s.ShotsPerSlot > max(1, l.GetMaxShotsPerSlot()):
		return &Error{Code: TooManyShots, Field: "shots_per_slot", VendorMessage: fmt.Sprintf("%d shots, device %s takes %d", s.ShotsPerSlot, d.Id, max(1, l.GetMaxShotsPerSlot()))}
	case l.GetMaxGatesPerSlot() > 0 && gates > l.GetMaxGatesPerSlot():
		return &Error{Code: ProgramTooLarge, Field: "skeleton", VendorMessage: fmt.Sprintf("%d gates a slot, device %s takes %d", gates, d.Id, l.GetMaxGatesPerSlot())}
	case s.Verbatim && !d.Verbatim:
		return &Error{Code: NotSupported, Field: "verbatim", VendorMessage: fmt.Sprintf("device %s changes circuits before it runs them", d.Id)}
	case !slices.Contains(d.ResultKinds, s.Kind):
		return &Error{Code: NotSupported, Field: "kind", VendorMessage: fmt.Sprintf("device %s gives no %s", d.Id, s.Kind)}
	}
	if len(d.Edges) > 0 {
		return checkEdges(s, d)
	}
	return nil
}

func checkEdges(s *Submission, d *driverv1.Device) *Error {
	has := make(map[circuit.Pair]bool, len(d.Edges))
	for _, e := range d.Edges {
		if e.A < maxWidth && e.B < maxWidth {
			has[circuit.Pair{A: uint16(min(e.A, e.B)), B: uint16(max(e.A, e.B))}] = true
		}
	}
	for i, l := range s.Batch.Skeleton.Layers {
		for _, p := range l {
			if !has[p] {
				return &Error{Code: Connectivity, Field: "skeleton.layers", VendorMessage: fmt.Sprintf("layer %d: qubits %d and %d are not coupled on %s", i, p.A, p.B, d.Id)}
			}
		}
	}
	return nil
}

// MarshalBinary is the submission as the bytes of its chunks, for drivers that
// keep it: u32 little-endian length and header, then the rows.
func (s *Submission) MarshalBinary() ([]byte, error) {
	h, err := proto.Marshal(s.header())
	if err != nil {
		return nil, err
	}
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(h)+len(s.Batch.Rows.Data)), uint32(len(h)))
	return append(append(out, h...), s.Batch.Rows.Data...), nil
}

// UnmarshalSubmission reads what MarshalBinary wrote, with all checks of a
// submission that arrives.
func UnmarshalSubmission(b []byte) (*Submission, error) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, invalid("header", "cut short")
	}
	n := int(binary.LittleEndian.Uint32(b))
	h := &driverv1.BatchHeader{}
	if err := proto.Unmarshal(b[4:4+n], h); err != nil {
		return nil, invalid("header", "%v", err)
	}
	parts := []*driverv1.SubmitChunk{{Part: &driverv1.SubmitChunk_Header{Header: h}}, {Part: &driverv1.SubmitChunk_Rows{Rows: b[4+n:]}}}
	return receive(context.Background(), func() (*driverv1.SubmitChunk, error) {
		if len(parts) == 0 {
			return nil, io.EOF
		}
		p := parts[0]
		parts = parts[1:]
		return p, nil
	}, MaxProgramBytes)
}
