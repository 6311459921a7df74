package sim_test

import (
	"runtime"
	"strings"
	"testing"

	"trapline/sim"
)

type inode struct {
	size  int
	mutex sim.Mutex
}

func TestOops(t *testing.T) {
	var nowhere *inode
	none := []int{}
	for _, test := range []struct {
		name string
		want string // the start of the subject
		f    task
	}{
		{"nil dereference", "invalid memory address", func(k *sim.K, w *world) { w.x.Read(k); w.seen[0] = nowhere.size }},
		{"before the first step", "invalid memory address", func(_ *sim.K, w *world) { w.seen[0] = nowhere.size }},
		{"lock in a nil object", "invalid memory address", func(k *sim.K, _ *world) { k.MutexLock(&nowhere.mutex) }},
		{"index", "index out of range", func(k *sim.K, w *world) { w.x.Read(k); none[w.x.Peek()]++ }},
		{"division", "integer divide by zero", func(k *sim.K, w *world) { w.seen[0] = 1 / w.x.Read(k) }},
		{"in an interrupt", "invalid memory address", func(k *sim.K, w *world) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.x.Read(k); w.seen[0] = nowhere.size })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := program([]task{test.f, addUnder}, nil)
			o := undisturbed(t, p)
			if o.Violation == nil || o.Violation.Kind != sim.Oops || !strings.HasPrefix(o.Violation.Subject, test.want) {
				t.Fatalf("%v, want an oops: %s", o.Violation, test.want)
			}
			if want := sim.Oops.Class + " in test_oops"; o.Violation.Title != want {
				t.Errorf("the title is %q, want %q", o.Violation.Title, want)
			}
		})
	}
}

// A panic of the program's own is not the kernel's: it goes to the caller.
func TestPanicOfTheProgramPassesThrough(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	func() {
		defer func() {
			if r := recover(); r != "our own mistake" {
				t.Errorf("recovered %v", r)
			}
		}()
		m.Run(program([]task{func(k *sim.K, w *world) { w.x.Read(k); panic("our own mistake") }}, nil), sim.Undisturbed)
	}()
	if o := m.Run(program([]task{addUnder, addUnder}, nil), sim.Undisturbed); o.Violation != nil {
		t.Errorf("afterwards: %v", o.Violation)
	}
}

// Neither is a fault of the strategy, although it strikes in the middle of the
// program.
func TestFaultOfTheStrategyPassesThrough(t *testing.T) {
	for _, step := range []int{0, 1, 2} {
		m := sim.NewMachine()
		var none []int
		var w *world
		func() {
			defer func() {
				if err, ok := recover().(runtime.Error); !ok || !strings.Contains(err.Error(), "index out of range") {
					t.Errorf("step %d: recovered %v", step, err)
				}
			}()
			o := m.Run(chooser(&w), sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
				if p.Step == step && (step != 1 || p.Tasks == nil) {
					none[p.Step]++
				}
				return 0
			}))
			t.Errorf("step %d: the program was blamed: %+v", step, o)
		}()
		m.Close()
	}
}

// The setup may not block, and what it breaks is reported like the rest.
func TestSetupIsWatched(t *testing.T) {
	for _, test := range []struct {
		name string
		want sim.Kind
		p    sim.Program
	}{
		{"a setup that blocks", sim.Deadlock, func(m *sim.Machine) {
			k, w := m.Setup(), newWorld(m.Setup())
			k.MutexLock(&w.a)
			m.Setup().WaitForCompletion(&w.done)
		}},
		{"a check that finds something", sim.NotHeld, func(m *sim.Machine) {
			m.After(func(k *sim.K) { k.Fail(&sim.Violation{Kind: sim.NotHeld, Subject: "the check"}) })
		}},
		{"a check that blocks", sim.Deadlock, func(m *sim.Machine) {
			w := newWorld(m.Setup())
			m.Go("t", func(k *sim.K) { w.x.Read(k) })
			m.After(func(k *sim.K) { k.WaitForCompletion(&w.done) })
		}},
		{"a setup with an oops", sim.Oops, func(m *sim.Machine) {
			var nowhere *inode
			nowhere.size++
		}},
		{"a machine without tasks", sim.Kind{}, func(*sim.Machine) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := undisturbed(t, test.p)
			switch {
			case test.want == sim.Kind{} && o.Violation == nil:
			case o.Violation == nil || o.Violation.Kind != test.want:
				t.Errorf("%v, want %q", o.Violation, test.want.Name)
			}
		})
	}
}

// A daemon may wait for ever, but not with a lock that another task needs.
func TestDaemonsMayWaitForEver(t *testing.T) {
	for _, test := range []struct {
		name   string
		want   sim.Kind
		daemon task
	}{
		{"idle", sim.Kind{}, func(k *sim.K, w *world) {
			for {
				await(k, w)
			}
		}},
		{"with a lock", sim.Deadlock, func(k *sim.K, w *world) { k.MutexLock(&w.a); await(k, w) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := undisturbed(t, func(m *sim.Machine) {
				w := newWorld(m.Setup())
				m.Daemon("kthreadd", func(k *sim.K) { test.daemon(k, w) })
				m.Go("t", func(k *sim.K) { addUnder(k, w) })
			})
			if (o.Violation != nil) != (test.want != sim.Kind{}) || o.Violation != nil && o.Violation.Kind != test.want {
				t.Errorf("%v, want %q", o.Violation, test.want.Name)
			}
		})
	}
}

func TestMaxStepsCutsALoop(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	m.MaxSteps = 50
	p := program([]task{func(k *sim.K, w *world) {
		for i := 0; ; i++ {
			w.x.Write(k, i)
		}
	}}, nil)
	if o := m.Run(p, sim.Undisturbed); !o.Cut || o.Steps != 50 || o.Violation != nil {
		t.Errorf("%+v, want it to be cut after 50 steps", o)
	}
	if o := m.Run(program([]task{addUnder}, nil), sim.Undisturbed); o.Cut || o.Violation != nil {
		t.Errorf("afterwards: %+v", o)
	}
}
