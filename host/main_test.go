package host_test

import (
	"testing"

	"github.com/animicaorg/engine/host/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }
