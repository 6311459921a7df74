package explore_test

import (
	"flag"
	"testing"

	"trapline/sim/laws"
)

// long turns on what takes minutes: go test ./sim/explore -long
var long = flag.Bool("long", false, "run the large programs, and many more random ones")

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); *long && f.Value.String() == f.DefValue {
		_ = flag.Set("rapid.checks", "5000")
	}
	laws.Main(m)
}
