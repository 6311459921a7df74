package explore_test

import (
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

const many = 64

// disjoint is many tasks, of which the first pairs share a word each, and the others
// have one each for themselves: 2^pairs traces.
func disjoint(pairs int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, many)
		tasks(m, many, func(i int, k *sim.K) {
			if i < 2*pairs {
				i /= 2
			}
			x[i].Xchg(k, 1)
		})
	}
}

// counting is tasks that add to one counter, and do not look at it.
func counting(n int) sim.Program {
	return func(m *sim.Machine) {
		var c sim.AtomicInt
		c.Init(m.Setup(), "c", 0)
		tasks(m, n, func(_ int, k *sim.K) { c.Inc(k) })
		m.After(func(k *sim.K) {
			if int(c.Peek()) != n {
				k.Fail(&sim.Violation{Kind: lost, Subject: fmt.Sprint("c is ", c.Peek())})
			}
		})
	}
}

// ends64 has the first and the last of many tasks lose an update. The others write to
// words of their own, before and after.
func ends64(m *sim.Machine) {
	x := words(m, many)
	var c sim.Word[int]
	c.Init(m.Setup(), "c", 0)
	tasks(m, many, func(i int, k *sim.K) {
		x[i].Write(k, 1)
		if i == 0 || i == many-1 {
			c.Write(k, c.Read(k)+1)
		}
		x[i].Write(k, 2)
	})
	m.After(func(k *sim.K) {
		if c.Peek() != 2 {
			k.Fail(&sim.Violation{Kind: lost, Subject: fmt.Sprint("c is ", c.Peek())})
		}
	})
}

// Programs of 64 tasks have as many executions as they have traces.
func TestManyTasks(t *testing.T) {
	for _, test := range []struct {
		name    string
		program sim.Program
		o       explore.Options
		want    int
	}{
		{"independent", disjoint(0), explore.Options{}, 1},
		{"6 pairs", disjoint(6), explore.Options{}, 64},
		{"8 pairs, 3 workers", disjoint(8), explore.Options{Workers: 3}, 256},
		{"commuting", counting(many), explore.Options{Setup: commuting}, 1},
		{"states", counting(many), explore.Options{Strategy: explore.States, Setup: commuting}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.SelfCheck = true
			r := result(t, test.program, test.o)
			if r.Verdict() != explore.Clean || r.Executions != test.want || r.Blocked != 0 && test.o.Workers == 0 {
				t.Errorf("%s: %s, want %d executions", r.Verdict(), r.Coverage(), test.want)
			}
		})
	}
}

// The shards of a program of 64 tasks have together as many executions as it has
// traces.
func TestManyTasksInShards(t *testing.T) {
	r, err := explore.Merge(sharded(t, disjoint(7), explore.Options{}, 3))
	if err != nil || r.Executions != 128 || r.Verdict() != explore.Clean {
		t.Errorf("%v, %s, want 128 executions", err, r.Coverage())
	}
}

// What is found among 64 tasks replays from its text on a new machine. The exhaustive
// search has the schedule with the fewest preemptions; a sample gets as near to that
// as its budget goes.
func TestManyTasksReplay(t *testing.T) {
	for _, o := range []explore.Options{{}, {Strategy: explore.Random, Executions: 200}, {Strategy: explore.PCT, Executions: 200}, {Strategy: explore.POS, Executions: 200}, {Strategy: explore.SURW, Executions: 200}} {
		o.SelfCheck, o.MinimiseExecutions = true, 500
		r := result(t, ends64, o)
		if len(r.Findings) != 1 {
			t.Fatalf("%s: %d findings: %s", o.Strategy, len(r.Findings), r.Coverage())
		}
		f := r.Findings[0]
		if f.Preemptions != 1 && o.Strategy == "" || f.Steps != 2*many+4 {
			t.Errorf("%s: %d preemptions and %d steps, want 1 and %d: %s", o.Strategy, f.Preemptions, f.Steps, 2*many+4, f.Schedule)
		}
		replays(t, ends64, f.Schedule, sim.Outcome{Hash: f.Hash, Violation: f.Violation, Steps: f.Steps})
	}
}

// A schedule in which 64 tasks take turns at every step is long, and means the same
// after it was printed.
func TestSchedulesOfManyTasks(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	last := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return p.N - 1 })
	o := m.Run(ends64, last)
	schedule := m.Schedule()
	var named []string
	for _, turn := range schedule {
		if !slices.Contains(named, turn.Task) {
			named = append(named, turn.Task)
		}
	}
	if len(named) < many-1 || o.Preemptions < many {
		t.Fatalf("%d tasks and %d preemptions in %s", len(named), o.Preemptions, schedule)
	}
	replays(t, ends64, schedule, o)
}

// replays runs a schedule, after it was printed and read, on a new machine.
func replays(t *testing.T, p sim.Program, schedule sim.Schedule, want sim.Outcome) {
	t.Helper()
	read, err := sim.ParseSchedule(schedule.String())
	if err != nil || !slices.Equal(read, schedule) {
		t.Fatalf("%s reads as %s: %v", schedule, read, err)
	}
	m := sim.NewMachine()
	defer m.Close()
	replay := sim.NewReplay(read)
	got := m.Record(p, replay)
	if err := replay.Done(); err != nil {
		t.Fatalf("%s: %v", schedule, err)
	}
	if got.Hash != want.Hash || got.Steps != want.Steps || (got.Violation == nil) != (want.Violation == nil) {
		t.Errorf("%s: %+v, want %+v", schedule, got, want)
	}
	if again := m.Schedule(); !slices.Equal(again, schedule) {
		t.Errorf("%s was followed as %s", schedule, again)
	}
}
