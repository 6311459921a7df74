package explore_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// No search takes a program of the machine's own primitives for one that is not
// deterministic: what it has learnt of the program by the time that it runs a
// schedule again is no part of what the schedule means.
func TestSelfCheckAccusesNoProgram(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kinds := rapid.SampledFrom(everyFields).Draw(rt, "field").kinds
		wantDeterministic(rt, everyProgramsOf(kinds).Draw(rt, "program"))
	})
}

func wantDeterministic(t rapid.TB, p everyProgram) {
	t.Helper()
	for _, o := range []explore.Options{
		{},
		{LockAware: true},
		{Workers: 3},
		{TaskSteps: 3},
		{Strategy: explore.States},
		{Strategy: explore.Bounded, Preemptions: 2},
		{Strategy: explore.Delays, Delays: 2},
		{Strategy: explore.Random},
		{Strategy: explore.SURW},
	} {
		o.SelfCheck, o.Executions, o.MinimiseExecutions = true, 100, 100
		o.Setup = func(m *sim.Machine) { m.MaxSteps = 300 }
		if _, err := explore.Run(context.Background(), p.program(p.daemons, func(string) {}), o); err != nil {
			t.Errorf("%s%v", fmt.Sprint(o.Strategy, ", ", o.Workers, " workers, aware of locks: ", o.LockAware, ": ", err), p)
		}
	}
}
