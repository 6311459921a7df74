package graph

import (
	"testing"

	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }
