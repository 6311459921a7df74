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
func TestProperty(t *testing.T) {
	for _, s := range Subjects() {
		t.Run(s.Design.Name, func(t *testing.T) { drawn.Holds(t, s, 100) })
	}
}

// FuzzStaticCalls is for go test -fuzz: it decodes bytes to programs.
func FuzzStaticCalls(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &markers.StaticCalls2021.Design),
		"t0: register 0, hit 0, unregister 0\nt1: hit 0\n",
		"world: before=2\nt0: unregister 0, register 1\nt1: hit 0, retire 0\nschedule: 9>1 4>1\n")
}

// TestPropertyPosted shows that the property can fail: programs that are drawn find again
// what is known of designs, each within so many.
func TestPropertyPosted(t *testing.T) {
	for _, c := range []struct {
		design *markers.Design
		within int
		titles []string
	}{
		{markers.SeveralProbes, 1000, []string{"WARNING: ODEBUG bug in marker_probe_register"}},
		{markers.Tracepoints2010, 1000, []string{"BUG: probe called after unregister in at_rest"}},
		{markers.StaticCalls2020, 3000, []string{"BUG: probe called with the data of another in do_trace"}},
		{markers.StaticCalls2020Synced, 3000, []string{"BUG: probe called with the data of another in do_trace"}},
	} {
		t.Run(c.design.Name, func(t *testing.T) {
			drawn.Finds(t, drawn.Of(t, Subjects(), &c.design.Design), c.within, c.titles...)
		})
	}
}
