package sim_test

import (
	"testing"

	"trapline/sim"
)

// aware runs a program on a machine that is aware of locks, left alone.
func aware(t *testing.T, tasks ...task) (*sim.Machine, sim.Outcome) {
	t.Helper()
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	m.LockAware = true
	return m, m.Run(program(tasks, nil), sim.Undisturbed)
}

// wantEvents holds an execution to the tasks of its events.
func wantEvents(t *testing.T, m *sim.Machine, names ...string) {
	t.Helper()
	var got []string
	for _, e := range m.Events() {
		got = append(got, m.TaskName(e.Task))
	}
	if len(got) != len(names) {
		t.Fatalf("the events are of %q, want %q", got, names)
	}
	for i := range got {
		if got[i] != names[i] {
			t.Fatalf("the events are of %q, want %q", got, names)
		}
	}
}

// A section is one event. Steps, schedules and hashes are those of a machine that
// is not aware of locks.
func TestSectionIsOneEvent(t *testing.T) {
	tasks := []task{
		func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			w.x.Write(k, 1)
			w.data.Set(k, 1)
			k.MutexUnlock(&w.a)
			w.x.Read(k)
		},
		func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			w.y.Write(k, 1)
			k.SpinUnlock(&w.spin)
		},
	}
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	m.LockAware = true
	o := m.Run(program(tasks, nil), sim.Picks([]int{0, 1, 0}))
	wantEvents(t, m, "t0", "t1", "t0")
	plain := sim.NewMachine()
	t.Cleanup(plain.Close)
	replay := sim.NewReplay(m.Schedule())
	p := plain.Run(program(tasks, nil), replay)
	if err := replay.Done(); err != nil || p != o || o.Steps != 7 || o.Preemptions != 1 {
		t.Errorf("%+v, aware of locks %+v, schedule %s: %v", p, o, m.Schedule(), err)
	}
}

// A task that ends while it holds the lock does not take the steps of others into
// its section.
func TestSectionEndsWithItsTask(t *testing.T) {
	m, o := aware(t,
		func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.Assume(false)
		},
		func(k *sim.K, w *world) { w.x.Write(k, 1) },
	)
	wantEvents(t, m, "t0", "t1")
	if !o.Assumed || o.Violation != nil {
		t.Errorf("%+v", o)
	}
}

// A lock that the setup has left locked is not free.
func TestLockHeldBySetupIsNotFree(t *testing.T) {
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	m.LockAware = true
	o := m.Run(func(m *sim.Machine) {
		w := newWorld(m.Setup())
		m.Setup().MutexLock(&w.a)
		m.Go("t0", func(k *sim.K) {
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
		})
	}, sim.Undisturbed)
	if o.Violation == nil || o.Violation.Kind != sim.Deadlock {
		t.Errorf("%+v", o)
	}
}

// A section without an end is cut off.
func TestEndlessSectionIsCut(t *testing.T) {
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	m.LockAware, m.MaxSteps = true, 50
	o := m.Run(program([]task{func(k *sim.K, w *world) {
		k.MutexLock(&w.a)
		for i := 0; ; i++ {
			w.x.Write(k, i)
		}
	}}, nil), sim.Undisturbed)
	if !o.Cut || o.Steps != 50 {
		t.Errorf("%+v", o)
	}
}
