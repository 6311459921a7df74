package sim_test

import (
	"testing"

	"trapline/sim"
)

// A strategy that panics, as one does that draws from rapid, leaves the machine
// fit for the next execution.
func TestStrategyMayPanic(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	p := threeTasks()
	for step := range 20 {
		func() {
			defer func() {
				if r := recover(); r != "enough" {
					t.Fatalf("recovered %v", r)
				}
			}()
			m.Run(p, sim.StrategyFunc(func(_ *sim.Machine, point *sim.Point) int {
				if point.Step == step {
					panic("enough")
				}
				return point.N - 1
			}))
		}()
		if o := m.Run(p, sim.Undisturbed); o.Violation != nil || o.Steps != 36 {
			t.Fatalf("after a panic in step %d: %+v", step, o)
		}
	}
}
