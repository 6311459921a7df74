// Package laws runs tests that draw programs at random, so that a run of the
// suite depends on nothing: the same programs are drawn each time, unless
// -rapid.seed asks for others. It is for the TestMain of packages.
package laws

import (
	"flag"
	"os"
	"testing"
)

// seed is what the laws draw from where the command line says nothing.
const seed = "2006"

// Main runs the tests of a package, and exits.
func Main(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range []struct{ name, value string }{
		{"rapid.seed", seed},
		{"rapid.shrinktime", "3s"},
		{"rapid.nofailfile", "true"}, // the seed says it all
	} {
		if !given[f.name] && flag.Lookup(f.name) != nil {
			_ = flag.Set(f.name, f.value)
		}
	}
	os.Exit(m.Run())
}
