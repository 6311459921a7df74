package explore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// lostUpdate is a counter of two tasks, with the check that both have counted.
func lostUpdate(m *sim.Machine) {
	var x sim.Word[int]
	x.Init(m.Setup(), "x", 0)
	for _, name := range []string{"one", "two"} {
		m.Go(name, func(k *sim.K) { x.Write(k, x.Read(k)+1) })
	}
	m.After(func(k *sim.K) {
		if x.Peek() != 2 {
			k.Fail(&sim.Violation{Kind: lost, Subject: fmt.Sprint("x is ", x.Peek())})
		}
	})
}

var lost = sim.Kind{Name: "lost-update", Class: "lost update"}

// inversion takes two locks that lockdep does not know in two orders.
func inversion(m *sim.Machine) {
	p := program{{{verb: "page", which: 0, body: []act{{verb: "page", which: 1}}}}, {{verb: "page", which: 1, body: []act{{verb: "page", which: 0}}}}}
	p.program(false, func(string) {})(m)
}

func result(t *testing.T, p sim.Program, o explore.Options) *explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUnknownStrategyIsRefused(t *testing.T) {
	_, err := explore.Run(context.Background(), lostUpdate, explore.Options{Strategy: "best"})
	if err == nil || !strings.Contains(err.Error(), `no strategy "best" (there are [dpor bounded delays states random pct pos surw])`) {
		t.Error(err)
	}
}

func TestEveryStrategyFindsTheLostUpdate(t *testing.T) {
	for _, strategy := range explore.Strategies() {
		for _, bound := range []int{0, 1, 2} {
			r := result(t, lostUpdate, explore.Options{Strategy: strategy, Preemptions: bound, Delays: bound, Executions: 100, SelfCheck: true})
			if strategy == explore.Bounded && bound == 0 || strategy == explore.Delays && bound == 0 {
				if r.Verdict() != explore.Clean || !r.Complete {
					t.Errorf("without preemptions: %s, %s", r.Verdict(), r.Coverage())
				}
				continue
			}
			if r.Verdict() != explore.Violation || len(r.Findings) != 1 {
				t.Fatalf("%s(%d): %s, %s", strategy, bound, r.Verdict(), r.Coverage())
			}
			f := r.Findings[0]
			if f.Preemptions != 1 || !f.Minimal || f.Violation.Kind != lost || f.Violation.Subject != "x is 1" || f.Steps != 4 {
				t.Errorf("%s(%d): %+v, want one preemption", strategy, bound, f)
			}
			steps := slices.DeleteFunc(f.Records, func(r sim.Record) bool { return r.Remark != "" })
			if len(steps) != 4 || steps[3].Step != 4 {
				t.Errorf("%s(%d): %d records of steps, want one for each", strategy, bound, len(steps))
			}
		}
	}
}

// A program whose tasks share nothing has one execution; unreduced it would have
// one for each interleaving, which is what the reference of the laws sees.
func TestTheReferenceReducesNothing(t *testing.T) {
	read := func(n int) []act {
		acts := make([]act, n)
		for i := range acts {
			acts[i].verb = "read"
		}
		return acts
	}
	for _, test := range []struct {
		p    program
		want int
	}{
		{program{read(3), read(3)}, 20},
		{program{read(2), read(2), read(2)}, 90},
		{program{read(3), read(3), read(2)}, 560},
	} {
		f, ok := all(test.p, true, 10_000)
		if !ok || f.executions != test.want || len(f.traces) != 1 || len(f.ends) != 1 {
			t.Errorf("%d executions of %d traces with %d ends, want %d of 1 with 1", f.executions, len(f.traces), len(f.ends), test.want)
		}
	}
	if _, ok := all(program{read(3), read(3)}, true, 10); ok {
		t.Error("20 executions were said to be at most 10")
	}
}

// A program must do the same thing each time: one that keeps something from one
// execution to the next does not.
func TestNondeterminismIsNoticed(t *testing.T) {
	counting := func() sim.Program { // writes only in every other execution
		n := 0
		return func(m *sim.Machine) {
			n++
			odd := n%2 == 1
			x := words(m, 1)
			tasks(m, 2, func(_ int, k *sim.K) {
				if x[0].Read(k) == 0 && odd {
					x[0].Write(k, 1)
				}
			})
		}
	}
	failing := func() sim.Program { // breaks a rule the first time only
		n := 0
		return func(m *sim.Machine) {
			n++
			first := n == 1
			x := words(m, 1)
			m.Go("t", func(k *sim.K) {
				x[0].Read(k)
				if first {
					k.Fail(&sim.Violation{Kind: lost, Subject: "once"})
				}
			})
		}
	}
	shrinking := func() sim.Program { // has fewer tasks later
		n := 2
		return func(m *sim.Machine) {
			x := words(m, 1)
			tasks(m, n, func(_ int, k *sim.K) { x[0].Write(k, 1) })
			n = 1
		}
	}
	for _, strategy := range explore.Strategies() {
		for _, test := range []struct {
			name      string
			p         sim.Program
			selfCheck bool
		}{
			{"a counter", counting(), true},
			{"a failure", failing(), false},
			{"fewer tasks", shrinking(), true},
		} {
			o := explore.Options{Strategy: strategy, Preemptions: 2, SelfCheck: test.selfCheck, Executions: 50}
			if _, err := explore.Run(context.Background(), test.p, o); !errors.Is(err, explore.ErrNondeterministic) {
				t.Errorf("%s, %s: error %v", strategy, test.name, err)
			}
			if r := result(t, counter(2, 1), o); r.Executions == 0 {
				t.Errorf("%s: a program that does the same each time: %s", strategy, r.Coverage())
			}
		}
	}
}

// A search that did not see everything says so, and never calls the program
// clean.
func TestIncompleteSearchesSaySo(t *testing.T) {
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("enough"))
	late, cancelLate := context.WithTimeout(context.Background(), 0)
	defer cancelLate()
	spin := func(m *sim.Machine) {
		x := words(m, 1)
		m.Go("waiter", func(k *sim.K) {
			for i := 0; ; i++ {
				x[0].Write(k, i)
			}
		})
		m.Go("other", func(k *sim.K) { x[0].Read(k) })
	}
	short := func(m *sim.Machine) { m.MaxSteps = 40 }
	for _, test := range []struct {
		name     string
		ctx      context.Context
		p        sim.Program
		o        explore.Options
		coverage string
	}{
		{"a budget", context.Background(), counter(3, 1), explore.Options{Executions: 10},
			"incomplete (stopped after 10 executions): 10 executions, 0 blocked, 60 steps"},
		{"a bounded search with a budget", context.Background(), counter(3, 1), explore.Options{Strategy: explore.Bounded, Preemptions: 2, Executions: 10},
			"incomplete within 2 preemptions (stopped after 10 executions): "},
		{"a context that has ended", canceled, fib(3), explore.Options{},
			"incomplete (enough): "},
		{"a bounded search and a context that has ended", canceled, fib(3), explore.Options{Strategy: explore.Bounded, Preemptions: 9},
			"incomplete within 9 preemptions (enough): "},
		{"a search with delays and a context that has ended", canceled, fib(3), explore.Options{Strategy: explore.Delays, Delays: 3, TaskSteps: 7},
			"incomplete within 3 delays and 7 steps of each task (enough): "},
		{"a deadline", late, fib(3), explore.Options{TaskSteps: 5}, "incomplete within 5 steps of each task (the time was up): "},
		{"a loop without an end", context.Background(), spin, explore.Options{Setup: short, Executions: 100},
			"incomplete (an execution had more than 40 steps"},
		{"a bounded search and a loop without an end", context.Background(), spin, explore.Options{Strategy: explore.Bounded, Setup: short, Executions: 100},
			"incomplete within 0 preemptions (an execution had more than 40 steps"},
		{"a sample", context.Background(), counter(2, 1), explore.Options{Strategy: explore.Random, Seed: 3, Executions: 100},
			"random sample, seed 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := explore.Run(test.ctx, test.p, test.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Coverage(); !strings.HasPrefix(got, test.coverage) {
				t.Errorf("the coverage is %q, want %q", got, test.coverage)
			}
			if r.Verdict() != explore.Inconclusive {
				t.Errorf("the verdict is %s", r.Verdict())
			}
			if r.Complete && test.o.Strategy != explore.Random {
				t.Error("it is said to be complete")
			}
		})
	}
}

func TestCompleteSearchesSaySo(t *testing.T) {
	for _, test := range []struct {
		o    explore.Options
		want string
	}{
		{explore.Options{}, "complete: every interleaving, 36 executions, 0 blocked, 216 steps"},
		{explore.Options{Strategy: explore.Bounded, Preemptions: 0}, "complete up to 0 preemptions: 6 executions, "},
		{explore.Options{Strategy: explore.Bounded, Preemptions: 2}, "complete up to 2 preemptions: "},
		{explore.Options{Strategy: explore.Delays, Delays: 0}, "complete up to 0 delays: 1 executions, 0 merged, 6 steps"},
		{explore.Options{Strategy: explore.Delays, Delays: 2}, "complete up to 2 delays: "},
		{explore.Options{TaskSteps: 2}, "complete up to 2 steps of each task: 36 executions, 0 blocked, 216 steps"},
		{explore.Options{Strategy: explore.Bounded, Preemptions: 1, TaskSteps: 3}, "complete up to 1 preemptions and 3 steps of each task: "},
		{explore.Options{Executions: 37}, "complete: every interleaving, 36 executions, 0 blocked, 216 steps"},
	} {
		r := result(t, counter(3, 1), test.o)
		if got := r.Coverage(); !strings.HasPrefix(got, test.want) {
			t.Errorf("the coverage is %q, want %q", got, test.want)
		}
		if r.Verdict() != explore.Clean || r.Longest != 6 {
			t.Errorf("the verdict is %s, the longest execution has %d steps", r.Verdict(), r.Longest)
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	var told []int
	result(t, counter(4, 1), explore.Options{Progress: func(r *explore.Result) { told = append(told, r.Executions) }})
	if len(told) != 2 || told[0] != 256 || told[1] != 512 {
		t.Errorf("told at %v executions, want at 256 and 512 of 576", told)
	}
}

// The schedule of a finding replays it on a machine of its own, and does not fit
// another program.
func TestFindingsReplay(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	for _, pair := range [][2]sim.Program{{lostUpdate, inversion}, {inversion, lostUpdate}} {
		p, other := pair[0], pair[1]
		for _, f := range result(t, p, explore.Options{}).Findings {
			s, err := sim.ParseSchedule(f.Schedule.String())
			if err != nil {
				t.Fatal(err)
			}
			replay := sim.NewReplay(s)
			o := m.Record(p, replay)
			if err := replay.Done(); err != nil {
				t.Errorf("%s: %v", f.Violation, err)
			}
			if o.Hash != f.Hash || o.Violation == nil || o.Violation.Title != f.Violation.Title {
				t.Fatalf("%s has hash %016x, its replay is %s with hash %016x", f.Violation, f.Hash, o.Violation, o.Hash)
			}
			if o.Violation.Report != f.Violation.Report {
				t.Errorf("the report is\n%s\nand in the replay\n%s", f.Violation.Report, o.Violation.Report)
			}
			if o.Preemptions != f.Preemptions || o.Steps != f.Steps {
				t.Errorf("%s: %+v, want %d preemptions and %d steps", f.Violation, o, f.Preemptions, f.Steps)
			}
			replay = sim.NewReplay(s)
			m.Run(other, replay)
			if replay.Done() == nil {
				t.Errorf("the schedule %s fits another program", f.Schedule)
			}
		}
	}
}

// Of several findings the simplest is the first, and each has the fewest
// preemptions that it takes.
func TestFindingsAreOrderedAndMinimal(t *testing.T) {
	p := func(m *sim.Machine) {
		x := words(m, 1)
		fail := func(k *sim.K, what string) {
			k.Fail(&sim.Violation{Kind: sim.Kind{Name: what, Class: what}, Subject: what})
		}
		m.Go("a", func(k *sim.K) {
			x[0].Write(k, 1)
			if x[0].Read(k) == 2 {
				x[0].Write(k, 3)
				if x[0].Read(k) == 4 {
					fail(k, "two")
				}
				fail(k, "one")
			}
		})
		m.Go("b", func(k *sim.K) {
			x[0].Cmpxchg(k, 1, 2)
			x[0].Cmpxchg(k, 3, 4)
		})
	}
	r := result(t, p, explore.Options{})
	if len(r.Findings) != 2 {
		t.Fatalf("%d findings, want 2", len(r.Findings))
	}
	for i, want := range []struct {
		name        string
		preemptions int
	}{{"one", 1}, {"two", 3}} {
		f := r.Findings[i]
		if f.Violation.Kind.Name != want.name || f.Preemptions != want.preemptions || !f.Minimal {
			t.Errorf("finding %d is %s with %d preemptions (minimal: %t), want %+v", i, f.Violation.Kind.Name, f.Preemptions, f.Minimal, want)
		}
	}
	if r.Minimising == 0 {
		t.Error("nothing was spent on fewer preemptions")
	}
	r = result(t, p, explore.Options{MinimiseExecutions: 1})
	for _, f := range r.Findings {
		if f.Minimal {
			t.Errorf("%s is said to be minimal after one execution", f.Violation.Kind.Name)
		}
	}
}
