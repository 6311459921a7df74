package uprobes

import (
	"testing"

	"trapline/sim"
	"trapline/vm"
)

// TestSlots holds the end of a process to finding a slot that nobody has given back.
func TestSlots(t *testing.T) {
	for _, c := range []struct {
		name, want string
		freed      bool
	}{
		{"freed", "", true},
		{"left", SlotLeft.Name, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := sim.NewMachine()
			defer m.Close()
			program := func(m *sim.Machine) {
				d := newToday(m.Setup())
				mm := vm.MMAlloc(m.Setup(), "program")
				mm.Hooks = d
				d.InitSpace(m.Setup(), mm)
				m.Go("thread", func(k *sim.K) {
					_, slot := d.xolGetSlot(k, mm, nop5)
					if c.freed {
						d.xolFreeSlot(k, mm, slot)
					}
					vm.MMPut(k, mm)
				})
			}
			replay := sim.NewReplay(nil)
			o := m.Run(program, replay)
			for o.Learnt {
				replay.Restart()
				o = m.Run(program, replay)
			}
			kind := ""
			if o.Violation != nil {
				kind = o.Violation.Kind.Name
			}
			if kind != c.want {
				t.Errorf("%q, not %q", kind, c.want)
			}
		})
	}
}
