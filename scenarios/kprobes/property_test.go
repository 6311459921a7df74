package kprobes

import (
	"testing"

	"trapline/probes/kprobes"
	"trapline/scenarios/drawn"
	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }

// TestProperty holds every design to what it is known for: programs that are drawn find
// nothing else.
//
// The longer run is: go test ./scenarios/kprobes -run Property -rapid.checks=20000
func TestProperty(t *testing.T) {
	for _, s := range Subjects() {
		t.Run(s.Design.Name, func(t *testing.T) { drawn.Holds(t, s, 100) })
	}
}

// FuzzMutex is for go test -fuzz: it decodes bytes to programs.
func FuzzMutex(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &kprobes.Mutex.Design),
		"t0: register 0, execute 0, unregister 0\nt1: execute 0\n",
		"world: registered=2 post-handlers=1\nt0: unregister 0, unregister 0\nt1: register 0, execute 0\nschedule: 9>1 4>1\n")
}

// TestPropertyPosted shows that the property can fail: programs that are drawn find again
// what is known of designs, each within so many.
func TestPropertyPosted(t *testing.T) {
	for _, c := range []struct {
		design *kprobes.Design
		within int
		titles []string
	}{
		{kprobes.OneLock, 300, []string{"memory leak in get_insn_slot"}},
		{kprobes.RCU, 300, []string{"memory leak in get_insn_slot"}},
		{kprobes.NoTextSync, 1000, []string{"BUG: probe missed in execute"}},
		{kprobes.KickUnlocked, 10000, []string{"KCSAN: data-race in kick_again / optimize_kprobe"}},
	} {
		t.Run(c.design.Name, func(t *testing.T) {
			drawn.Finds(t, drawn.Of(t, Subjects(), &c.design.Design), c.within, c.titles...)
		})
	}
}
