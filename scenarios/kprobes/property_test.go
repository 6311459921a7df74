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
func TestProperty(t *testing.T) { drawn.HoldAll(t, Subjects(), 100) }

// TestRefind finds again what designs are known for and no scenario asks about.
func TestRefind(t *testing.T) { drawn.Refind(t, Subjects(), "testdata/drawn.txt") }

// FuzzRepaired and FuzzToday are for go test -fuzz: they decode bytes to programs.
func FuzzRepaired(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &kprobes.Mutex.Design), first...)
}

func FuzzToday(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &kprobes.Today.Design), first...)
}

// first is what fuzzing begins with: the last two programs have a jump, ftrace and a
// module in them, and a design without those leaves that out.
var first = []string{
	"t0: register 0, execute 0, unregister 0\nt1: execute 0\n",
	"world: registered=2 post-handlers=1\nt0: unregister 0, unregister 0\nt1: register 0, execute 0\nschedule: 9>1 4>1\n",
	"world: late=1 calling=1\nt0: register 3, disable 3, enable 3, unregister 3\nt1: execute 3, register 2, execute 3\nschedule: 20>1 9>2\n",
	"t0: register 5, register 4, unregister 4\nt1: execute 4, rmmod\nschedule: 12>1\n",
}

// TestPropertyPosted shows that the property can fail: programs that are drawn find again
// what is known of designs, each within so many.
func TestPropertyPosted(t *testing.T) {
	drawn.FindAll(t, Subjects(), []drawn.Known{
		{Design: &kprobes.OneLock.Design, Within: 300, Title: "memory leak in get_insn_slot"},
		{Design: &kprobes.RCU.Design, Within: 300, Title: "memory leak in get_insn_slot"},
		{Design: &kprobes.NoTextSync.Design, Within: 1000, Title: "BUG: probe missed in execute"},
		{Design: &kprobes.KickUnlocked.Design, Within: 10000, Title: "KCSAN: data-race in kick_again / optimize_kprobe"},
	})
}
