package markers

import (
	"context"
	"testing"
	"time"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

func TestOrder(t *testing.T) {
	for _, p := range Pairs() {
		if p.Scenario.Model != memory.LKMM {
			continue
		}
		s := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		r, err := explore.Run(ctx, p.Program(nil), explore.Options{Setup: func(m *sim.Machine) { m.Memory = memory.LKMM }})
		cancel()
		if err != nil {
			t.Error(p.Name(), err)
			continue
		}
		t.Log(p.Name(), r.Verdict(), r.Coverage(), r.Minimising, time.Since(s))
		for _, f := range r.Findings {
			t.Log("   ", f.Violation.Title, f.Preemptions, f.Minimal, f.Schedule)
		}
	}
}
