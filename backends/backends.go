// Package backends is the contract between the engine and whatever runs shots:
// a simulator in this process or a vendor's device behind a driver.
//
// A backend sees the driver's view of a batch and nothing else: skeleton,
// palette, rows, count and Meta (decision C1). It never sees a seed, a role, a
// window, a pad or the name of a trap library. Outcomes come back in slot order
// as packed rows, one shot per slot.
package backends

import (
	"context"
	"errors"
	"runtime"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Sentinels; each leads to another decision of the caller.
var (
	// ErrUnsupported: this backend can never run the request as it is.
	ErrUnsupported = errors.New("backend does not support the request")
	// ErrTooLarge: the request does not fit the memory limit; the message names
	// the width that would.
	ErrTooLarge = errors.New("request does not fit in memory")
	// ErrUnavailable: the backend cannot run anything now; trying later may help.
	ErrUnavailable = errors.New("backend is not available")
)

// Meta labels a batch for logs and vendors. It carries no secret.
type Meta struct {
	JobID   string // hex
	LeaseID string // hex
}

// Batch is the driver's view of one job.
type Batch struct {
	Skeleton circuit.Skeleton
	Palette  []circuit.U3Angles
	Rows     *guest.Rows // all slots, in slot order
	Meta     Meta

	// Key drives the shot randomness of simulators in this process (decision
	// C3): shot i owns words [i·k, (i+1)·k) of its AES-128-CTR stream, k =
	// ShotWords(width). It is zero for drivers, which draw from nature.
	Key [16]byte
	// Threads bounds goroutines; 0 means one per CPU. It never changes a result.
	Threads int
	// MemoryBytes bounds what the run may hold; 0 means no bound.
	MemoryBytes uint64
}

// ShotWords is k of decision C3: 64-bit words of randomness per shot.
func ShotWords(width int) int { return (width + 63) / 64 }

// Threads resolves Batch.Threads: at least 1, one per CPU for 0.
func Threads(n int) int {
	if n < 1 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// Emit takes outcomes of consecutive slots, in slot order. An error stops the
// run, which returns it.
type Emit func(*guest.Outcomes) error

// Capabilities is what planning needs to know.
type Capabilities struct {
	MaxWidth  int            // qubits; 0: bounded by memory only
	MaxShots  uint64         // slots of one batch
	Edges     []circuit.Pair // coupling map; empty: all pairs
	Simulator bool
	Device    transcript.DeviceFrame // what D hashes
	// CountsOnly: the backend cannot tell which of equal circuits gave which outcome,
	// nor run different ones together. It takes no job with traps.
	CountsOnly bool
	// NumericVersion names the arithmetic of a simulator; 0 is the first.
	NumericVersion int
}

// Backend runs batches. Implementations are safe for one Run at a time.
type Backend interface {
	Name() string
	Capabilities(ctx context.Context) (Capabilities, error)
	// Run executes all slots and hands the outcomes to emit. It honours ctx within 50 ms.
	Run(ctx context.Context, b *Batch, emit Emit) error
	Close() error
}
