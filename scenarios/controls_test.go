package scenarios_test

import (
	"context"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// TestNegativeControls names the questions that come to what was once reported, and was in
// order. Nothing may be found, in every interleaving.
func TestNegativeControls(t *testing.T) {
	for _, c := range []struct{ what, scenario, design string }{
		{"N-01: consumers in a list of RCU are walked over under consumer_rwsem", "process-that-nobody-wants", "2025-today"},
		{"N-02: fork makes references of the leases of its own task without being a reader", "child-returns-from-a-probed-function", "2025-today"},
		{"N-03: the timer of the leases writes a seqcount that nobody tries again for", "lease-expires-while-unregistering", "2025-today"},
		{"N-04: two threads put the same byte back under mmap_sem held for reading", "two-handlers-remove-a-breakpoint", "2025-unapply-shared"},
		{"N-05: a trap finds neither probe nor breakpoint", "trap-between-two-registrations", "2025-today"},
		{"N-06: the flag of an address space is set for longer than there are breakpoints", "text-mapped-again", "2025-today"},
		{"N-07: mmap has no memory for a breakpoint", "mmap-without-memory", "2025-today"},
	} {
		t.Run(c.what, func(t *testing.T) { mustBeSilent(t, c.scenario, c.design) })
	}
}

// TestSeqcountOfThePreemptible is N-03 where a timer is a thread that can be preempted:
// the raw form of the writer says nothing, and the ordinary one does.
func TestSeqcountOfThePreemptible(t *testing.T) {
	program := func(begin, end func(k *sim.K, s *sim.SeqCount)) sim.Program {
		return func(m *sim.Machine) {
			s := &sim.SeqCount{}
			m.Setup().SeqcountInit(s, "utask->ri_seqcount")
			m.Go("ri_timer", func(k *sim.K) {
				begin(k, s)
				end(k, s)
			})
			m.Go("task", func(k *sim.K) { k.ReadSeqcountRetry(s, k.RawSeqcountBegin(s)) })
		}
	}
	search := func(p sim.Program) *explore.Result {
		r, err := explore.Run(context.Background(), p, explore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := search(program((*sim.K).RawWriteSeqcountBegin, (*sim.K).RawWriteSeqcountEnd)); r.Verdict() != explore.Clean {
		t.Errorf("raw: %s: %s", r.Verdict(), r.Coverage())
	}
	r := search(program((*sim.K).WriteSeqcountBegin, (*sim.K).WriteSeqcountEnd))
	if len(r.Findings) != 1 || r.Findings[0].Violation.Kind != sim.PreemptibleWriter {
		t.Errorf("not raw: %s: %s", r.Verdict(), r.Coverage())
	}
}
