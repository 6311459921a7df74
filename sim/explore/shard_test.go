package explore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// sharded makes all shards of a search, which must know the same of the program.
func sharded(t rapid.TB, p sim.Program, o explore.Options, n int) []*explore.Result {
	t.Helper()
	for {
		var parts []*explore.Result
		var learnt []sim.Schedule
		for i := range n {
			o.Shard = explore.Shard{Index: i, Of: n}
			r, err := explore.Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict() == explore.Clean {
				t.Errorf("%s alone is clean", r.Part.Shard)
			}
			parts = append(parts, r)
			if len(r.Part.Learnt) > len(learnt) {
				learnt = r.Part.Learnt
			}
		}
		if len(learnt) == len(o.Learnt) {
			return parts
		}
		o.Learnt = learnt
	}
}

func TestShardsCountTheSame(t *testing.T) {
	for _, test := range []peer{
		{"indexer(13)", indexer(13), 64},
		{"lastzero(8)", lastzero(8), 704},
		{"readers(8)", readers(8), 256},
		{"filesystem(17)", filesystem(17), 16},
		{"fib(3)", fib(3), 1698},
		{"counter(4x1)", counter(4, 1), 576},
		{"ainc(5)", ainc(5), 120},
		{"dekker", dekker, 3},
		{"sb(8)", sb(8), 255},
		{"locks(3x3)", locks(3, 3), 216},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, n := range []int{2, 3, 5} {
				for _, workers := range []int{1, 3} {
					parts := sharded(t, test.program, explore.Options{Workers: workers}, n)
					r, err := explore.Merge(parts)
					if err != nil {
						t.Fatal(err)
					}
					if r.Executions != test.want || !r.Complete || r.Verdict() != explore.Clean {
						t.Errorf("%d shards, %d workers: %s, want %d", n, workers, r.Coverage(), test.want)
					}
				}
			}
		})
	}
}

// The shards of a search see together what the search sees, and each trace is
// counted by one of them.
func TestShardsMissNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, clean := drawProgram(rt)
		want, ok := all(p, clean, 1500)
		if !ok {
			return
		}
		ends := map[string]bool{}
		program := p.program(clean, func(end string) { ends[end] = true })
		n := rapid.SampledFrom([]int{2, 3, 5}).Draw(rt, "shards")
		r, err := explore.Merge(sharded(rt, program, explore.Options{MinimiseExecutions: 2000}, n))
		if err != nil {
			rt.Fatalf("%v%v", err, p)
		}
		titles := map[string]bool{}
		for _, f := range r.Findings {
			titles[title(f.Violation)] = true
		}
		wantSet(rt, "violations", titles, want.titles, p)
		wantSet(rt, "end states", ends, want.ends, p)
		if clean && len(want.titles) == 0 {
			if n := len(want.traces); r.Executions != n {
				rt.Errorf("%d executions and %d blocked for %d traces%v", r.Executions, r.Blocked, n, p)
			}
		}
	})
}

// A shard can be resumed like any search.
func TestShardsCanBeResumed(t *testing.T) {
	for _, n := range []int{1, 5} {
		sum := 0
		for i := range 3 {
			o := explore.Options{Shard: explore.Shard{Index: i, Of: 3}}
			sum += interrupted(t, fib(2), o, func() int { return n }, never).Executions
		}
		if sum != 140 {
			t.Errorf("every %d: %d executions, want 140", n, sum)
		}
	}
}

func TestWideProgramsAreDivided(t *testing.T) {
	r, err := explore.Run(context.Background(), readers(64), explore.Options{Shard: explore.Shard{Index: 2, Of: 5}, Executions: 200})
	if err != nil || r.Executions+r.Blocked != 200 {
		t.Errorf("%v, %v", r, err)
	}
}

// The shards of a search that goes by states see together what it sees: the same
// rules broken, with as few preemptions, and the same ends.
func TestShardsOfStatesMissNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, clean := drawProgram(rt)
		possible, ok := all(p, clean, 1500)
		if !ok {
			return
		}
		o := rapid.SampledFrom([]explore.Options{
			{Strategy: explore.States},
			{Strategy: explore.Bounded, Preemptions: 1},
			{Strategy: explore.Bounded, Preemptions: 9},
			{Strategy: explore.Delays, Delays: 2},
			{LockAware: true},
		}).Draw(rt, "options")
		seen := map[string]bool{}
		program := p.program(clean, func(end string) { seen[end] = true })
		whole, err := explore.Run(context.Background(), program, o)
		if err != nil {
			rt.Fatalf("%v%v", err, p)
		}
		want := seen
		seen = map[string]bool{}
		n := rapid.SampledFrom([]int{2, 3, 5}).Draw(rt, "shards")
		r, err := explore.Merge(sharded(rt, program, o, n))
		if err != nil {
			rt.Fatalf("%v%v", err, p)
		}
		if r.Complete != whole.Complete || r.Verdict() != whole.Verdict() {
			rt.Errorf("%s, want %s%v", r.Coverage(), whole.Coverage(), p)
		}
		wantSet(rt, "violations", fewest(r), fewest(whole), p)
		// A shard begins with executions that only teach it, and know of no bound.
		for end := range want {
			if clean && !seen[end] {
				rt.Errorf("no shard has seen %s%v", end, p)
			}
		}
		for end := range seen {
			if _, ok := possible.ends[end]; clean && !ok {
				rt.Errorf("a shard has seen %s, which cannot be%v", end, p)
			}
		}
	})
}

// fewest are the titles with the fewest preemptions that they take.
func fewest(r *explore.Result) map[string]bool {
	all := map[string]bool{}
	for _, f := range r.Findings {
		all[fmt.Sprintf("%s, %d preemptions", f.Violation.Title, f.Preemptions)] = true
	}
	return all
}

// Each shard makes a part of the search only.
func TestShardsOfStatesShareTheWork(t *testing.T) {
	for _, o := range []explore.Options{{Strategy: explore.States}, {Strategy: explore.Bounded, Preemptions: 3}, {Strategy: explore.Delays, Delays: 4}} {
		whole, err := explore.Run(context.Background(), counter(3, 2), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range sharded(t, counter(3, 2), o, 3) {
			if !r.Complete || r.Steps == 0 || r.Steps > whole.Steps*3/4 {
				t.Errorf("%s: %d steps of %d; %s", o.Strategy, r.Steps, whole.Steps, r.Coverage())
			}
		}
	}
}

// A shard of a bounded search can be resumed as well.
func TestShardsOfBoundedCanBeResumed(t *testing.T) {
	for i := range 3 {
		o := explore.Options{Strategy: explore.Bounded, Preemptions: 2, Shard: explore.Shard{Index: i, Of: 3}}
		want, err := explore.Run(context.Background(), fib(2), o)
		if err != nil {
			t.Fatal(err)
		}
		got := interrupted(t, fib(2), o, func() int { return 5 }, never)
		if got.Coverage() != want.Coverage() || got.Part.Divided != want.Part.Divided {
			t.Errorf("got %s, want %s", got.Coverage(), want.Coverage())
		}
	}
}

func TestTooManyWorkersAreRefused(t *testing.T) {
	if _, err := explore.Run(context.Background(), dekker, explore.Options{Workers: 100_000_000}); err == nil || !strings.Contains(err.Error(), "100000000 workers are too many (want up to 1024)") {
		t.Errorf("got %v", err)
	}
}

func TestMergedSampleIsTheSample(t *testing.T) {
	program := program{{do("mutex1", 0), do("use", 0)}, {do("free", 0)}, {do("write", 1), do("cell", 0)}}.program(false, func(string) {})
	for _, strategy := range explore.Samples() {
		o := explore.Options{Strategy: strategy, Seed: 5, Executions: 100, MinimiseExecutions: 2000}
		want, err := explore.Run(context.Background(), program, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := explore.Merge(sharded(t, program, o, 3))
		if err != nil {
			t.Fatal(err)
		}
		wantSameSearch(t, got, want, strategy)
		if got.Coverage() != want.Coverage() {
			t.Errorf("got %s, want %s", got.Coverage(), want.Coverage())
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	parts := sharded(t, dekker, explore.Options{}, 3)
	other := sharded(t, counter(2, 1), explore.Options{}, 3)
	two := sharded(t, dekker, explore.Options{}, 2)
	samples := sharded(t, dekker, explore.Options{Strategy: explore.Random, Executions: 9}, 3)
	longer := sharded(t, dekker, explore.Options{Strategy: explore.Random, Executions: 12}, 3)
	whole, err := explore.Run(context.Background(), dekker, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wiser := *parts[2]
	wiser.Part = &explore.Part{Shard: wiser.Part.Shard, Program: wiser.Part.Program, Learnt: []sim.Schedule{{{Step: 1, Task: "t0"}}}}
	for _, c := range []struct {
		parts []*explore.Result
		want  string
	}{
		{nil, "there are none"},
		{[]*explore.Result{whole}, "one is not of a shard"},
		{parts[:2], "shard 3 of 3 missing"},
		{parts[1:2], "shard 1 of 3, shard 3 of 3 missing"},
		{[]*explore.Result{parts[0], parts[1], parts[1], parts[2]}, "shard 2 of 3 is there twice"},
		{[]*explore.Result{parts[0], parts[1], two[1]}, "shard 1 of 3 and shard 2 of 2 are of different searches"},
		{[]*explore.Result{parts[0], other[1], parts[2]}, "shard 1 of 3 and shard 2 of 3 are of different searches: the program is"},
		{[]*explore.Result{parts[0], samples[1], parts[2]}, "different searches: the strategy is dpor, and random"},
		{[]*explore.Result{samples[0], samples[1], longer[2]}, "different searches: the budget is 9, and 12"},
		{[]*explore.Result{parts[0], parts[1], &wiser}, "shard 1 of 3 and shard 3 of 3 have not learnt the same of the program: make all again with what was learnt, t0@1"},
	} {
		_, err := explore.Merge(c.parts)
		if !errors.Is(err, explore.ErrMerge) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// A shard that has learnt what others have not says so, and what they have to begin
// with.
func TestShardsLearnTheSame(t *testing.T) {
	const rounds = 5 // before somebody waits: seldom in what every shard begins with
	program := func(m *sim.Machine) {
		x := words(m, 2)
		m.Go("waits", func(k *sim.K) {
			for range rounds {
				before := x[1].Read(k)
				if x[1].Read(k) == before {
					return
				}
			}
			x[0].CondLoadAcquire(k, func(v int) bool { return v == 1 })
		})
		m.Go("counts", func(k *sim.K) {
			for i := range rounds {
				x[1].Write(k, i+1)
			}
			x[0].Write(k, 1)
		})
	}
	want, err := explore.Run(context.Background(), program, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var parts []*explore.Result
	learnt := 0
	for i := range 4 {
		r, err := explore.Run(context.Background(), program, explore.Options{Shard: explore.Shard{Index: i, Of: 4}})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, r)
		learnt = max(learnt, len(r.Part.Learnt))
	}
	if _, err := explore.Merge(parts); learnt == 0 || err == nil || !strings.Contains(err.Error(), "have not learnt the same of the program") {
		t.Errorf("%d learnt, %v", learnt, err)
	}
	r, err := explore.Merge(sharded(t, program, explore.Options{}, 4))
	if err != nil || r.Executions != want.Executions {
		t.Errorf("%v, %v; want %s", r, err, want.Coverage())
	}
}

// Where the parts of a search by states count a state, it is one that the search has, and
// each counts once. All steps of this program depend on each other, so the search has all
// there are.
func TestMergedStatesAreTheStates(t *testing.T) {
	for _, p := range []sim.Program{counter(3, 2), counter(2, 4), locks(3, 1)} {
		whole, err := explore.Run(context.Background(), p, explore.Options{Strategy: explore.States})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{2, 3, 7} {
			parts := sharded(t, p, explore.Options{Strategy: explore.States}, n)
			r, err := explore.Merge(parts)
			if err != nil {
				t.Fatal(err)
			}
			times := map[uint64]int{}
			for _, part := range parts {
				for _, state := range part.Part.Visited {
					times[state]++
				}
			}
			shared := 0
			for _, n := range times {
				if n > 1 {
					shared++
				}
			}
			if r.States != whole.States || r.States != len(times) || r.Shared != shared {
				t.Errorf("%d parts: %s\nhave %d states, %d of them in several; the search: %s", n, r.Coverage(), len(times), shared, whole.Coverage())
			}
		}
	}
}
