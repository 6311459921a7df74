package x86

import (
	"testing"

	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }
