package markers

import (
	"testing"

	"trapline/markers"
	"trapline/scenarios/drawn"
	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }

// TestProperty holds every design to what it is known for: programs that are drawn find
// nothing else.
//
// The longer run is: go test ./scenarios/markers -run Property -rapid.checks=20000
func TestProperty(t *testing.T) { drawn.HoldAll(t, Subjects(), 100) }

// TestRefind finds again what designs are known for and no scenario asks about.
func TestRefind(t *testing.T) { drawn.Refind(t, Subjects(), "testdata/drawn.txt") }

// FuzzRepaired and FuzzToday are for go test -fuzz: they decode bytes to programs.
func FuzzRepaired(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &markers.SeveralProbesRepaired.Design), first...)
}

func FuzzToday(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &markers.StaticCalls2021.Design), first...)
}

// first is what fuzzing begins with.
var first = []string{
	"t0: register 0, hit 0, unregister 0\nt1: hit 0\n",
	"world: before=2\nt0: unregister 0, register 1\nt1: hit 0, retire 0\nschedule: 9>1 4>1\n",
}

// TestPropertyPosted shows that the property can fail: programs that are drawn find again
// what is known of designs, each within so many.
func TestPropertyPosted(t *testing.T) {
	drawn.FindAll(t, Subjects(), []drawn.Known{
		{Design: &markers.SeveralProbes.Design, Within: 1000, Title: "WARNING: ODEBUG bug in marker_probe_register"},
		{Design: &markers.Tracepoints2010.Design, Within: 1000, Title: "BUG: probe called after unregister in at_rest"},
		{Design: &markers.StaticCalls2020.Design, Within: 3000, Title: "BUG: probe called with the data of another in do_trace"},
		{Design: &markers.StaticCalls2020Synced.Design, Within: 3000, Title: "BUG: probe called with the data of another in do_trace"},
	})
}
