package explore_test

import (
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// randomly is the schedule of a random execution of p, or nil if that breaks no rule.
func randomly(p sim.Program, seed uint64) (sim.Schedule, sim.Outcome) {
	m := sim.NewMachine()
	defer m.Close()
	x := seed
	o := m.Record(p, sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
		x = x*6364136223846793005 + 1442695040888963407
		return int(x>>33) % p.N
	}))
	return m.Schedule(), o
}

func minimise(t rapid.TB, p sim.Program, s sim.Schedule) *explore.Finding {
	t.Helper()
	f, err := explore.Minimise(context.Background(), p, s, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What Minimise makes of a schedule replays with the same title, is no worse, and
// is never better than the fewest preemptions that there are.
func TestMinimisedSchedules(t *testing.T) {
	tried, fewest := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(wild).Draw(rt, "program").program(false, func(string) {})
		schedule, was := randomly(p, rapid.Uint64().Draw(rt, "seed"))
		if was.Violation == nil {
			return
		}
		f := minimise(rt, p, schedule)
		if again := minimise(rt, p, schedule); again.Schedule.String() != f.Schedule.String() {
			rt.Errorf("%s becomes %s, and then %s", schedule, f.Schedule, again.Schedule)
		}
		m := sim.NewMachine()
		defer m.Close()
		replay := sim.NewReplay(f.Schedule)
		is := m.Record(p, replay)
		if err := replay.Done(); err != nil {
			rt.Errorf("%s: %v", f.Schedule, err)
		}
		if is.Violation == nil || is.Violation.Title != was.Violation.Title || f.Violation.Title != was.Violation.Title || is.Hash != f.Hash {
			rt.Errorf("the title of %s is %q, and of %s %v", schedule, was.Violation.Title, f.Schedule, is.Violation)
		}
		if len(f.Schedule) > len(schedule) || f.Preemptions > was.Preemptions || f.Preemptions != is.Preemptions || f.Minimal {
			rt.Errorf("%s with %d preemptions becomes %s with %d (%t)", schedule, was.Preemptions, f.Schedule, f.Preemptions, f.Minimal)
		}
		r, err := explore.Run(context.Background(), p, explore.Options{Strategy: explore.Bounded, Preemptions: f.Preemptions, Executions: 20_000})
		if err != nil {
			rt.Fatal(err)
		}
		for _, exact := range r.Findings {
			if exact.Violation.Title == f.Violation.Title && exact.Minimal {
				tried++
				if f.Preemptions < exact.Preemptions {
					rt.Errorf("%s has %d preemptions, and the fewest are said to be %d", f.Schedule, f.Preemptions, exact.Preemptions)
				}
				if f.Preemptions == exact.Preemptions {
					fewest++
				}
			}
		}
	})
	t.Logf("%d of %d have the fewest preemptions", fewest, tried)
	if tried == 0 || fewest < tried*9/10 {
		t.Errorf("only %d of %d have the fewest preemptions", fewest, tried)
	}
}

// Long executions become short stories.
func TestMinimiseLeavesOutWhatDoesNotMatter(t *testing.T) {
	// Two tasks lose an update among much else.
	p := func(m *sim.Machine) {
		x, noise := words(m, 1), words(m, 3)
		tasks(m, 3, func(i int, k *sim.K) {
			for range 10 {
				noise[i].Xchg(k, k.Choose(3, "a value"))
			}
			x[0].Write(k, x[0].Read(k)+1)
			for range 10 {
				noise[i].Read(k)
			}
		})
		m.After(func(k *sim.K) {
			if x[0].Peek() != 3 {
				k.Fail(&sim.Violation{Kind: lost, Subject: "lost"})
			}
		})
	}
	for seed := range uint64(10) {
		schedule, o := randomly(p, seed)
		if o.Violation == nil {
			continue
		}
		f := minimise(t, p, schedule)
		if f.Preemptions != 1 || f.Switches != 3 || len(f.Schedule) != 1 {
			t.Errorf("seed %d: %d turns become %s with %d switches", seed, len(schedule), f.Schedule, f.Switches)
		}
	}
}

func TestMinimiseRefuses(t *testing.T) {
	for _, test := range []struct{ schedule, want string }{
		{"-", "breaks no rule"},
		{"two@9", "the execution ended before step 9"},
	} {
		s, err := sim.ParseSchedule(test.schedule)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := explore.Minimise(context.Background(), lostUpdate, s, explore.Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.schedule, err)
		}
	}
}

// A sample whose second search has no budget still tells a short story, and does
// not say that there is no shorter one.
func TestFindingsOfSamplesAreMinimised(t *testing.T) {
	// PCT is not among them: the executions that show it are longer than the
	// profile, and the last change would have to come behind that.
	strategies := []string{explore.Random, explore.POS, explore.SURW}
	for _, strategy := range strategies {
		r := result(t, lockStep, explore.Options{Strategy: strategy, Executions: 3000, MinimiseExecutions: 200})
		if len(r.Findings) != 1 {
			t.Fatalf("%s: %s", strategy, r.Coverage())
		}
		if f := r.Findings[0]; f.Minimal || f.Preemptions > 4 {
			t.Errorf("%s: %s has %d preemptions (minimal: %t)", strategy, f.Schedule, f.Preemptions, f.Minimal)
		}
	}
	// With budget enough they are what the exhaustive search says.
	exact := result(t, lockStep, explore.Options{}).Findings[0]
	for _, strategy := range strategies {
		if f := result(t, lockStep, explore.Options{Strategy: strategy, Executions: 3000}).Findings[0]; !f.Minimal || f.Preemptions != exact.Preemptions {
			t.Errorf("%s: %d preemptions (minimal: %t), want %d", strategy, f.Preemptions, f.Minimal, exact.Preemptions)
		}
	}
}

// lockStep breaks a rule when each of two tasks goes on in the middle of the other,
// among others that only make the search long.
func lockStep(m *sim.Machine) {
	x, noise := words(m, 2), words(m, 2)
	m.Go("a", func(k *sim.K) {
		x[0].Write(k, 1)
		if x[1].Read(k) == 1 {
			x[0].Write(k, 2)
			if x[1].Read(k) == 2 {
				k.Fail(&sim.Violation{Kind: lost, Subject: "in step"})
			}
		}
	})
	m.Go("b", func(k *sim.K) {
		if x[0].Read(k) == 1 {
			x[1].Write(k, 1)
			if x[0].Read(k) == 2 {
				x[1].Write(k, 2)
			}
		}
	})
	tasks(m, 2, func(i int, k *sim.K) {
		for range 3 {
			noise[i].Xchg(k, i)
		}
	})
}

// A context that is canceled leaves a schedule as it is; one whose time is up lets
// a little more be done.
func TestMinimiseStops(t *testing.T) {
	schedule, o := randomly(lockStep, 0)
	for seed := uint64(1); o.Violation == nil; seed++ {
		schedule, o = randomly(lockStep, seed)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	f, err := explore.Minimise(canceled, lockStep, schedule, explore.Options{})
	if err != nil || f.Schedule.String() != schedule.String() {
		t.Errorf("%v, %v", f, err)
	}
	late, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	f, err = explore.Minimise(late, lockStep, schedule, explore.Options{})
	if err != nil || len(f.Schedule) >= len(schedule) {
		t.Errorf("%v, %v", f, err)
	}
}
