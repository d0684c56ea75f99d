package workloads

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/bench/peers"
)

// busy is the processor time that the whole machine has used, idle the time that
// it had left, both over all processors (proc_stat(5)); ok is false where /proc
// does not say.
func busy() (used, idle time.Duration, ok bool) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	f := strings.Fields(string(line))
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0, false
	}
	for i, s := range f[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, 0, false
		}
		if d := time.Duration(n) * (time.Second / peers.ClockTicks); i == 3 || i == 4 {
			idle += d
		} else {
			used += d
		}
	}
	return used, idle, true
}

// observer tells how much of the machine somebody else used.
type observer struct {
	own              func() time.Duration
	used, idle, mine time.Duration
	ok               bool
}

// observe starts; own is the processor time of the processes that belong to the
// measurement.
func observe(own func() time.Duration) *observer {
	o := &observer{own: own, mine: own()}
	o.used, o.idle, o.ok = busy()
	return o
}

// otherLoad is the share of all processors that others used since observe; nil
// where that is not known.
func (o *observer) otherLoad() *float64 {
	used, idle, ok := busy()
	total := used - o.used + idle - o.idle
	if !ok || !o.ok || total <= 0 {
		return nil
	}
	share := float64(used-o.used-(o.own()-o.mine)) / float64(total)
	share = min(max(share, 0), 1)
	return &share
}

// resident is a field of /proc/self/status in bytes, such as VmRSS; 0 where
// there is none.
func resident(field string) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		if f := strings.Fields(rest); name == field && len(f) > 0 {
			kib, _ := strconv.ParseInt(f[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// peakMemory is the peak of resident bytes during f, less those before it; 0
// where the system does not say.
func peakMemory(before, f func() error) (int64, error) {
	if err := before(); err != nil {
		return 0, err
	}
	runtime.GC()
	debug.FreeOSMemory()
	// proc_pid_clear_refs(5): 5 resets the peak.
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0, nil
	}
	base := resident("VmRSS")
	if err := f(); err != nil {
		return 0, err
	}
	return max(resident("VmHWM")-base, 0), nil
}
