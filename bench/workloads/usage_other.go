//go:build !unix

package workloads

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
