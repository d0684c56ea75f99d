package sim

import (
	"testing"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/backendtest"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backends.Backend { return New() })
}
