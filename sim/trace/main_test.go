package trace_test

import (
	"testing"

	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }
