package uprobes

import (
	"slices"
	"testing"

	"trapline/probes"
	"trapline/probes/uprobes"
	"trapline/scenarios/drawn"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// threader is all that a design with slots is asked.
type threader interface {
	uprobes.Scheme
	uprobes.SpaceInit
	uprobes.Threader
	vm.MovedMmap
}

// deaf is a design that does not keep signals from a thread that is about to step a copy.
// With onlyFatal it does not keep SIGKILL from it.
type deaf struct {
	threader
	onlyFatal bool
}

func (d *deaf) UprobeDenySignal(k *sim.K, t *uprobes.Thread, fatal bool) bool {
	return d.onlyFatal && !fatal && d.threader.UprobeDenySignal(k, t, fatal)
}

// TestSignals has drawn programs find what goes wrong with signals for a thread that is
// about to step a copy. The design itself has nothing to be found there, see
// TestProperty.
func TestSignals(t *testing.T) {
	for _, c := range []struct {
		name      string
		onlyFatal bool
		titles    []string
	}{
		{"a signal is taken in the slot", false, []string{"BUG: signal shows a slot in interrupt_step"}},
		{"a thread is killed in the slot", true, []string{"WARNING in free_utask"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *uprobes.Today
			d.New = func(k *sim.K) uprobes.Scheme { return &deaf{uprobes.Today.New(k).(threader), c.onlyFatal} }
			for _, title := range c.titles {
				d.Fails = append(slices.Clone(d.Fails), probes.Failure{Scenario: lifecycle.Scenario, Title: title})
			}
			drawn.Finds(t, subject(&d), 6000, c.titles...)
		})
	}
}
