package sim_test

import (
	"testing"

	"trapline/sim"
)

// The state tells values apart and not the order of independent steps, and is not
// computed unless it is asked for.
func TestStateHash(t *testing.T) {
	write := func(v int) task { return func(k *sim.K, w *world) { w.x.Write(k, v) } }
	read := func(k *sim.K, w *world) { w.y.Read(k) }
	cell := func(v int) task {
		return func(k *sim.K, w *world) {
			w.y.Read(k)
			w.data.Set(k, v)
		}
	}
	last := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return p.N - 1 })
	run := func(on bool, s sim.Strategy, end uint64, tasks ...task) sim.Outcome {
		m := sim.NewMachine()
		defer m.Close()
		m.StateHash = on
		p := program(tasks, nil)
		m.Run(p, sim.Undisturbed) // what is left of another execution does not count
		return m.Run(func(m *sim.Machine) {
			p(m)
			m.After(func(*sim.K) { m.Fold(end) })
		}, s)
	}
	base := run(true, sim.Undisturbed, 0, write(1), read)
	if base.State == 0 || run(true, sim.Undisturbed, 0, write(1), read).State != base.State {
		t.Errorf("the state is %x, and then another", base.State)
	}
	if o := run(true, last, 0, write(1), read); o.Hash == base.Hash || o.State != base.State {
		t.Errorf("in another order: hash %x and state %x, want not %x and %x", o.Hash, o.State, base.Hash, base.State)
	}
	if run(true, sim.Undisturbed, 0, write(2), read).State == base.State {
		t.Error("another value of a word has the same state")
	}
	if run(true, sim.Undisturbed, 1, write(1), read).State == base.State {
		t.Error("another value at the end has the same state")
	}
	if run(true, sim.Undisturbed, 0, read, write(1)).State == base.State {
		t.Error("another task has the same state")
	}
	if run(true, sim.Undisturbed, 0, cell(1)).State == run(true, sim.Undisturbed, 0, cell(2)).State {
		t.Error("another value of a cell has the same state")
	}
	if o := run(false, sim.Undisturbed, 0, write(1), read); o.State != 0 || o.Hash != base.Hash {
		t.Errorf("not asked for: state %x, hash %x, want 0 and %x", o.State, o.Hash, base.Hash)
	}
}

// A machine that has adopted names has tasks that have not run yet.
func TestStateHashOfAnAdoptedTask(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	if !m.Adopt(sim.Names{Tasks: [][2]int{{0, 0}, {0, 1}, {1, 1}}, Objects: [][2]int{{0, 0}}}) {
		t.Fatal("not adopted")
	}
	m.StateHash = true
	if o := m.Run(func(m *sim.Machine) { m.Go("one", func(*sim.K) {}) }, sim.Undisturbed); o.Violation != nil {
		t.Error(o.Violation.Title)
	}
}
