package explore_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// An estimate is within three of its own errors of the number of traces.
func TestEstimates(t *testing.T) {
	for _, test := range []struct {
		peer
		error float64 // the most, as a part of the number
	}{
		{peer{"indexer(12)", indexer(12), 8}, .05},
		{peer{"indexer(15)", indexer(15), 4096}, .2},
		{peer{"lastzero(5)", lastzero(5), 64}, .05},
		{peer{"lastzero(10)", lastzero(10), 3328}, .2},
		{peer{"lastzero(13)", lastzero(13), 32768}, .4},
		{peer{"readers(5)", readers(5), 32}, .05},
		{peer{"readers(15)", readers(15), 32768}, .2},
		{peer{"filesystem(16)", filesystem(16), 8}, .02},
		{peer{"fib(3)", fib(3), 1698}, .05},
		{peer{"fib(5)", fib(5), 218243}, .1},
		{peer{"counter(4x1)", counter(4, 1), 576}, .05},
		{peer{"counter(5x1)", counter(5, 1), 14400}, .05},
		{peer{"counter(3x2)", counter(3, 2), 7134}, .05},
		{peer{"ainc(8)", ainc(8), 40320}, .0},
		{peer{"dekker", dekker, 3}, .02},
		{peer{"sb(10)", sb(10), 1023}, .02},
		{peer{"sb(14)", sb(14), 16383}, .02},
		{peer{"locks(3x6)", locks(3, 6), 46656}, .02},
		{peer{"locks(4x2)", locks(4, 2), 576}, .02},
		{peer{"one task", counter(1, 3), 1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := explore.Guess(test.program, 1000)
			want := float64(test.want)
			if math.Abs(e.Traces-want) > 3*e.Error+want/1000 || e.Error > want*test.error || e.Probes != 1000 {
				t.Errorf("%s, want %d ± %.0f", e, test.want, want*test.error)
			}
			if again := explore.Guess(test.program, 1000); again != e {
				t.Errorf("%s, and the second time %s", e, again)
			}
		})
	}
}

// Whatever the estimator knows of a program, on average it guesses the number of
// traces: all leaves of the tree that it draws from are visited to show that.
func TestEstimatesAreUnbiased(t *testing.T) {
	checked := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(quiet).Draw(rt, "program")
		probes := rapid.SampledFrom([]int{0, 1, 2, 20}).Draw(rt, "probes")
		want, ok := all(p, true, mostExecutions)
		if !ok || len(want.titles) > 0 || want.findOut {
			return
		}
		mean, ok := explore.Expectation(p.program(true, func(string) {}), probes, mostExecutions)
		if !ok {
			return
		}
		checked++
		if n := float64(len(want.traces)); math.Abs(mean-n) > n*1e-6 {
			rt.Errorf("%f on average after %d probes, want %.0f%v", mean, probes, n, p)
		}
	})
	if checked == 0 {
		t.Error("every program was too large")
	}
}

// Where steps find out as they go what they use, the estimate is close all the same.
func TestEstimatesOfStepsThatFindOut(t *testing.T) {
	p := func(m *sim.Machine) {
		l, c := mutexes(m, 2), make([]sim.Cell[int], 2)
		for i := range c {
			c[i].Init(m.Setup(), fmt.Sprint("c", i))
		}
		tasks(m, 3, func(_ int, k *sim.K) {
			for i := range c {
				k.MutexLock(&l[i])
				c[i].Set(k, c[i].Get(k)+1)
				k.MutexUnlock(&l[i])
			}
		})
	}
	n := float64(result(t, p, explore.Options{}).Executions)
	if e := explore.Guess(p, 300); math.Abs(e.Traces-n) > 3*e.Error+1 || e.Error > n/10 {
		t.Errorf("%s, want %.0f", e, n)
	}
}

// A search with an estimate comes to the same as one without, tells it as it goes
// on, and says in the end what is true.
func TestSearchesEstimate(t *testing.T) {
	var told []explore.Estimate
	progress := func(r *explore.Result) { told = append(told, r.Estimate) }
	r := result(t, fib(3), explore.Options{Estimate: 20, Progress: progress})
	if r.Estimate != (explore.Estimate{Traces: 1698, Probes: 20, Made: 1698}) || strings.Contains(r.Coverage(), "about") || r.Executions != 1698 {
		t.Errorf("%+v, %s", r.Estimate, r.Coverage())
	}
	if len(told) != 6 || told[0].Probes != 4 || told[5].Probes != 20 {
		t.Errorf("told %+v", told)
	}
	for i, e := range told {
		if e.Error <= 0 || e.Traces < float64(256*(i+1)) || math.Abs(e.Traces-1698) > 4*e.Error {
			t.Errorf("told %s after %d executions of 1698", e, 256*(i+1))
		}
	}
	first := slices.Clone(told)
	told = nil
	r = result(t, fib(3), explore.Options{Estimate: 500, Executions: 300, Progress: progress})
	if r.Estimate.Probes != 500 || math.Abs(r.Estimate.Traces-1698) > 3*r.Estimate.Error || told[0] != first[0] {
		t.Errorf("%+v, told %+v", r.Estimate, told)
	}
	if c := r.Coverage(); !strings.HasPrefix(c, "incomplete (stopped after 300 executions): 300 executions of about 1") || !strings.Contains(c, " ± ") {
		t.Error(c)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := explore.Run(canceled, fib(3), explore.Options{Estimate: 500})
	if err != nil || r.Estimate.Probes != 0 || strings.Contains(r.Coverage(), "about") {
		t.Errorf("%+v, %s", r.Estimate, r.Coverage())
	}
	if _, err := explore.Run(context.Background(), fib(2), explore.Options{Estimate: -1}); err == nil {
		t.Error("an estimate from -1 probes")
	}
}

// A rule that is broken in the final check leaves the setup in the midst of a step.
func TestEstimateWhereTheFinalCheckFails(t *testing.T) {
	p := func(m *sim.Machine) {
		var l sim.Life
		var x sim.Word[int]
		m.Setup().Born(&l, "x")
		x.Init(m.Setup(), "x", 0)
		x.In(&l)
		tasks(m, 3, func(i int, k *sim.K) {
			if x.Read(k); i == 0 {
				k.Kfree(&l)
			}
		})
		m.After(func(k *sim.K) { x.Write(k, 1) })
	}
	if e := explore.Guess(p, 20); e.Probes != 20 {
		t.Error(e)
	}
}
