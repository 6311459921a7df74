package sim_test

import (
	"slices"
	"testing"

	"trapline/sim"
)

// points collects what a strategy is offered in an undisturbed execution.
func points(t *testing.T, p sim.Program) []sim.Point {
	t.Helper()
	m := sim.NewMachine()
	defer m.Close()
	var all []sim.Point
	o := m.Run(p, sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
		c := *p
		c.Tasks = slices.Clone(p.Tasks)
		all = append(all, c)
		return 0
	}))
	if o.Violation != nil {
		t.Fatal(o.Violation)
	}
	return all
}

func TestPointsOfAnExecution(t *testing.T) {
	got := points(t, program([]task{
		func(k *sim.K, w *world) { k.MutexLock(&w.a); w.x.Read(k); k.MutexUnlock(&w.a) },
		func(k *sim.K, w *world) { w.seen[0] = k.Choose(3, "a way"); k.MutexLock(&w.a); k.MutexUnlock(&w.a) },
	}, nil))
	want := []sim.Point{
		{Step: 0, Tasks: []sim.TaskID{1, 2}, N: 2},
		{Step: 1, Tasks: []sim.TaskID{1, 2}, N: 2, Running: true},
		{Step: 2, Tasks: []sim.TaskID{1, 2}, N: 2, Running: true},
		{Step: 3, Tasks: []sim.TaskID{2}, N: 1},
		{Step: 3, N: 3, Task: 2},
		{Step: 4, Tasks: []sim.TaskID{2}, N: 1, Running: true},
		{Step: 5, Tasks: []sim.TaskID{2}, N: 1, Running: true},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) {
			t.Fatalf("%d points, want %d", len(got), len(want))
		}
		g, w := got[i], want[i]
		if w.Tasks != nil {
			g.Task = w.Task // it means nothing there
		}
		if g.Step != w.Step || !slices.Equal(g.Tasks, w.Tasks) || (g.Tasks == nil) != (w.Tasks == nil) || g.N != w.N || g.Running != w.Running || g.Task != w.Task {
			t.Errorf("point %d is %+v, want %+v", i, got[i], w)
		}
	}
}

// Undisturbed, a task runs until it blocks or ends, and nothing fails.
func TestUndisturbedIsUndisturbed(t *testing.T) {
	var w *world
	m := sim.NewMachine()
	defer m.Close()
	m.AllocMayFail = true
	o := m.Run(func(m *sim.Machine) {
		program([]task{
			func(k *sim.K, here *world) {
				w = here
				var l sim.Life
				if k.Kzalloc(&l, "object", sim.GFPKernel) != nil || k.Choose(2, "a way") != 0 {
					panic("something was disturbed")
				}
				k.Kfree(&l)
				here.x.Write(k, 1)
				await(k, here)
				here.x.Write(k, 3)
			},
			func(k *sim.K, here *world) {
				here.seen[0] = here.x.Read(k)
				complete(k, here)
				here.seen[1] = here.x.Read(k)
			},
		}, nil)(m)
	}, sim.Undisturbed)
	if o.Violation != nil || o.Preemptions != 0 || len(m.Schedule()) != 0 {
		t.Errorf("%+v, schedule %s", o, m.Schedule())
	}
	if w.seen[0] != 1 || w.seen[1] != 1 || w.x.Peek() != 3 {
		t.Errorf("saw %d and %d and left %d, want 1, 1 and 3", w.seen[0], w.seen[1], w.x.Peek())
	}
}

func TestChoicesAreAllTaken(t *testing.T) {
	wantEnds(t, seen(2), []string{"0 0", "0 1", "1 0", "1 1", "2 0", "2 1"},
		func(k *sim.K, w *world) { w.seen[0], w.seen[1] = k.Choose(3, "a"), k.Choose(2, "b") })
	// A choice depends on nothing that other tasks do, whatever follows it.
	wantEnds(t, seen(1), []string{"0", "1", "2"},
		func(k *sim.K, w *world) { k.Choose(1, "there is no choice"); w.seen[0] = k.Choose(3, "c") },
		func(k *sim.K, w *world) { w.x.Write(k, 1) },
		func(k *sim.K, w *world) { w.x.Read(k) })
}

// Preemptions are switches away from a task that could have gone on.
func TestPreemptionsAreCounted(t *testing.T) {
	p := program([]task{
		func(k *sim.K, w *world) { w.x.Read(k); await(k, w); w.x.Read(k) },
		func(k *sim.K, w *world) { w.x.Read(k); complete(k, w); w.x.Read(k) },
	}, nil)
	m := sim.NewMachine()
	defer m.Close()
	for _, test := range []struct {
		schedule    string
		preemptions int
	}{
		{"-", 0},         // t0 blocks, t1 runs to its end
		{"t1@0", 0},      // nobody runs at the start
		{"t1@1", 0},      // t0 is blocked
		{"t0@3", 1},      // t1 could go on
		{"t1@0,t0@1", 1}, // and here
		{"t1@0,t0@1,t1@2", 1},
		{"t1@0,t0@2,t1@3", 2},
	} {
		s, err := sim.ParseSchedule(test.schedule)
		if err != nil {
			t.Fatal(err)
		}
		replay := sim.NewReplay(s)
		o := m.Run(p, replay)
		if test.schedule == "t1@1" || test.schedule == "t1@0,t0@1,t1@2" {
			// Those name what happens anyway: a schedule holds deviations only.
			if got := m.Schedule().String(); got == test.schedule {
				t.Errorf("%s should not be a deviation", got)
			}
		} else if got := m.Schedule().String(); got != test.schedule {
			t.Errorf("%s has become %s", test.schedule, got)
		}
		if err := replay.Done(); err != nil || o.Preemptions != test.preemptions {
			t.Errorf("%s: %d preemptions, want %d (%v)", test.schedule, o.Preemptions, test.preemptions, err)
		}
	}
}

func TestAStrategyMayGiveUp(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	var w *world
	for at, steps := range []int{0, 1, 2, 3, 3} {
		points := 0
		o := m.Run(chooser(&w), sim.StrategyFunc(func(_ *sim.Machine, _ *sim.Point) int {
			points++
			if points > at {
				return -1
			}
			return 0
		}))
		if !o.Abandoned || o.Violation != nil || o.Steps < min(steps, 2) || o.Steps > steps {
			t.Errorf("given up at point %d: %+v", at, o)
		}
	}
	if o := m.Run(chooser(&w), sim.Undisturbed); o.Abandoned || o.Violation != nil || o.Steps != 5 {
		t.Errorf("afterwards: %+v", o)
	}
}
