package machine

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Class describes the machine without naming it: processors, their model, the
// caches and the memory, as far as Linux tells.
func Class() string {
	s := fmt.Sprintf("%d × %s", runtime.NumCPU(), runtime.GOARCH)
	if m := field("/proc/cpuinfo", "model name"); m != "" {
		s += " (" + m + ", " + loops().name + ")"
	}
	if c := sysText("/sys/devices/system/cpu/cpu0/cache/index2/size"); c != "" {
		s += ", L2 " + c
	}
	if c := sysText("/sys/devices/system/cpu/cpu0/cache/index3/size"); c != "" {
		s += ", L3 " + c
	}
	if kib, err := strconv.ParseUint(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		s += fmt.Sprintf(", %d GiB", (kib+1<<19)>>20)
	}
	return s
}

// LoadAverage of one minute; 0 where Linux does not tell.
func LoadAverage() float64 {
	f := strings.Fields(sysText("/proc/loadavg"))
	if len(f) == 0 {
		return 0
	}
	x, err := strconv.ParseFloat(f[0], 64)
	if err != nil {
		return 0
	}
	return x
}

func sysText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// field is the first value of a name in a file of "name: value" lines.
func field(path, name string) string {
	for line := range strings.Lines(sysText(path)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
