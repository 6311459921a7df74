package vm_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain fixes the seed of the property tests, so that a run of the suite
// depends on nothing; -rapid.seed=N draws other programs.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range []struct{ name, value string }{{"rapid.seed", "2006"}, {"rapid.shrinktime", "3s"}, {"rapid.nofailfile", "true"}} {
		if !given[f.name] {
			_ = flag.Set(f.name, f.value)
		}
	}
	os.Exit(m.Run())
}
