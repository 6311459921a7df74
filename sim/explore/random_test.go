package explore_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// orders is a program of tasks that take so many steps each on one word, with the
// order in which they took them as what is observed.
func orders(steps []int, observe func(order string)) sim.Program {
	return func(m *sim.Machine) {
		x, order := words(m, 1), make([]byte, 0, 16)
		tasks(m, len(steps), func(i int, k *sim.K) {
			for range steps[i] {
				x[0].Xchg(k, i)
				order = append(order, byte('0'+i))
			}
		})
		m.After(func(*sim.K) { observe(string(order)) })
	}
}

// unevenness is the chi-square statistic of a sample over so many equally likely
// outcomes.
func unevenness(count map[string]int, outcomes int) float64 {
	total := 0
	for _, n := range count {
		total += n
	}
	want := float64(total) / float64(outcomes)
	sum := want * float64(outcomes-len(count)) // those that never came
	for _, o := range slices.Sorted(maps.Keys(count)) {
		d := float64(count[o]) - want
		sum += d * d / want
	}
	return sum
}

func sampleOrders(t *testing.T, strategy string, steps []int, executions int) map[string]int {
	t.Helper()
	count := map[string]int{}
	// The profile is a uniform walk, and not to be counted.
	n := 0
	p := orders(steps, func(order string) {
		if n++; n > 4 {
			count[order]++
		}
	})
	result(t, p, explore.Options{Strategy: strategy, Seed: 1, Executions: executions + 4})
	return count
}

// Where the tasks take the same number of steps each time and nothing blocks, all
// orders are equally likely under SURW; under a random walk they are not.
func TestSURWIsUniform(t *testing.T) {
	for _, test := range []struct {
		steps     []int
		orders    int
		tolerance float64 // the 0.999 quantile with one degree of freedom less than orders
	}{
		{[]int{1, 1, 1}, 6, 20.5},
		{[]int{3, 3}, 20, 43.8},
		{[]int{1, 4}, 5, 18.5},
		{[]int{2, 2, 2}, 90, 135.9},
		{[]int{1, 2, 3}, 60, 98.3},
	} {
		t.Run(fmt.Sprint(test.steps), func(t *testing.T) {
			count := sampleOrders(t, explore.SURW, test.steps, 200*test.orders)
			if len(count) != test.orders {
				t.Errorf("%d of %d orders", len(count), test.orders)
			}
			if x := unevenness(count, test.orders); x > test.tolerance {
				t.Errorf("chi-square is %.1f, want less than %.1f: %v", x, test.tolerance, count)
			}
			if x := unevenness(sampleOrders(t, explore.Random, test.steps, 200*test.orders), test.orders); x < 2*test.tolerance && len(test.steps) < test.orders/3 {
				t.Errorf("chi-square of a random walk is %.1f: the test would not notice", x)
			}
		})
	}
}

// It is so for a task that spawns others as well, and for the steps on one object
// when there are others.
func TestSURWWeighsTasksToCome(t *testing.T) {
	count := map[string]int{}
	n := 0
	p := func(m *sim.Machine) {
		x, order := words(m, 1), make([]byte, 0, 16)
		step := func(k *sim.K, who byte) {
			x[0].Xchg(k, 1)
			order = append(order, who)
		}
		m.Go("a", func(k *sim.K) {
			step(k, 'a')
			k.Interrupt("irq", func(k *sim.K) {
				step(k, 'i')
				step(k, 'i')
			})
		})
		m.Go("b", func(k *sim.K) {
			step(k, 'b')
			step(k, 'b')
		})
		m.After(func(*sim.K) {
			if n++; n > 4 {
				count[string(order)]++
			}
		})
	}
	result(t, p, explore.Options{Strategy: explore.SURW, Executions: 2004})
	const outcomes, tolerance = 10, 27.9 // of a, i, i and b, b
	if x := unevenness(count, outcomes); x > tolerance || len(count) != outcomes {
		t.Errorf("chi-square is %.1f, want less than %.1f: %v", x, tolerance, count)
	}
}

// Of two steps that conflict, either is as likely to come first under POS, though
// one stands at the end of a long task.
func TestPOSIsFairToLateSteps(t *testing.T) {
	share := func(strategy string) float64 {
		late, executions := 0, 4000
		p := func(m *sim.Machine) {
			x, first := words(m, 2), 0
			m.Go("short", func(k *sim.K) {
				x[0].Xchg(k, 1)
				first = max(first, 1)
			})
			m.Go("long", func(k *sim.K) {
				for range 8 {
					x[1].Xchg(k, 1)
				}
				if x[0].Xchg(k, 1) == 0 {
					first = 2
				}
			})
			m.After(func(*sim.K) {
				if first == 2 {
					late++
				}
			})
		}
		result(t, p, explore.Options{Strategy: strategy, Executions: executions})
		return float64(late) / float64(executions)
	}
	if s := share(explore.POS); s < 0.08 || s > 0.13 {
		// The short task's step keeps its priority: it has to be below all of nine.
		t.Errorf("POS takes the late step first in %.3f of the executions, want 1/10", s)
	}
	if s := share(explore.Random); s > 0.01 {
		t.Errorf("a random walk takes the late step first in %.3f of the executions: the test would not notice", s)
	}
}

// The guarantee of PCT holds: no order of two conflicting steps is rarer.
func TestPCTKeepsItsGuarantee(t *testing.T) {
	// The second of two tasks must do its only step between two given steps of
	// the first: a bug of depth 2.
	const steps, executions = 10, 20_000
	for gap := 1; gap < steps; gap++ {
		hits := 0
		p := func(m *sim.Machine) {
			x, done := words(m, 1), 0
			m.Go("first", func(k *sim.K) {
				for range steps {
					x[0].Xchg(k, 1)
					done++
				}
			})
			m.Go("second", func(k *sim.K) {
				x[0].Xchg(k, 1)
				if done == gap {
					hits++
				}
			})
		}
		r := result(t, p, explore.Options{Strategy: explore.PCT, Depth: 2, Seed: 3, Executions: executions})
		if want := float64(executions) / (2 * (steps + 1)); float64(hits) < 0.9*want {
			t.Errorf("gap %d: %d hits, the guarantee is %.0f", gap, hits, want)
		}
		const chance = "an execution shows a bug of depth 2 with probability 1/(n·k^1) = 0.0455 or more, n = 2 tasks, k = 11 steps (the most of the first 4 executions)"
		if c := r.Coverage(); !strings.HasSuffix(c, "; "+chance) {
			t.Errorf("the coverage is %q", c)
		}
	}
}

// What PCT says of its chances does not hold for executions that turn out longer
// than those of the profile, and it says that.
func TestPCTSaysWhatItDoesNotKnow(t *testing.T) {
	longer := func(m *sim.Machine) {
		x := words(m, 1)
		m.Go("a", func(k *sim.K) {
			if k.Choose(10, "rarely") == 9 {
				k.Interrupt("irq", func(k *sim.K) { x[0].Read(k) })
				x[0].Read(k)
			}
		})
		m.Go("b", func(k *sim.K) { x[0].Read(k) })
	}
	r := result(t, longer, explore.Options{Strategy: explore.PCT, Seed: 2, Executions: 200})
	if c := r.Coverage(); !strings.HasSuffix(c, "; not if it is longer: there were executions of 3 tasks and 4 steps") {
		t.Errorf("the coverage is %q", c)
	}
	r = result(t, longer, explore.Options{Strategy: explore.PCT, Executions: 2})
	if r.Chance != "" {
		t.Errorf("nothing was drawn by priority, and the chance is %q", r.Chance)
	}
}

// A random walk is what the library's generator makes of its seed: trapline run
// shows the first of the executions that trapline check draws.
func TestRandomWalkIsTheGenerators(t *testing.T) {
	p := program{
		{{verb: "xchg", value: 1}, {verb: "choose", which: 1}, {verb: "choose"}, {verb: "mutex"}},
		{{verb: "xchg", value: 2}, {verb: "read"}, {verb: "mutex"}},
		{{verb: "xchg", value: 3}, {verb: "read"}, {verb: "mutex"}},
	}
	for seed := range uint64(20) {
		var ends []string
		q := p.program(true, func(end string) { ends = append(ends, end) })
		result(t, q, explore.Options{Strategy: explore.Random, Seed: seed, Executions: 1})
		m := sim.NewMachine()
		draw := rand.New(rand.NewPCG(seed, 0))
		m.Run(q, sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return draw.IntN(p.N) }))
		m.Close()
		if len(ends) != 2 || ends[0] != ends[1] {
			t.Errorf("seed %d: %v", seed, ends)
		}
	}
}

// sampleProgram has choices, spawned tasks, locks and several bugs.
var sampleProgram = program{
	{{verb: "xchg", value: 1}, {verb: "read"}, {verb: "choose", which: 1}, {verb: "use"}},
	{{verb: "xchg", value: 2}, {verb: "page", body: []act{{verb: "page", which: 1}}}, {verb: "irq", body: []act{{verb: "read"}, {verb: "write"}}}, {verb: "free"}},
	{{verb: "if", body: []act{{verb: "page", which: 1, body: []act{{verb: "page"}}}}}, {verb: "choose"}},
}

func TestSamplesDependOnTheirSeedOnly(t *testing.T) {
	for _, strategy := range explore.Samples() {
		sample := func(seed uint64, n int) string {
			var ends []string
			p := program{{{verb: "xchg", value: 1}, {verb: "read"}, {verb: "choose", which: 1}}, {{verb: "xchg", value: 2}, {verb: "read"}}}
			r := result(t, p.program(true, func(end string) { ends = append(ends, end) }), explore.Options{Strategy: strategy, Seed: seed, Executions: n})
			if r.Executions != n || len(ends) != n {
				t.Fatalf("%s: %d ends", r.Coverage(), len(ends))
			}
			return strings.Join(ends, "\n")
		}
		first := sample(1, 50)
		if sample(1, 50) != first {
			t.Errorf("%s: one seed has given two samples", strategy)
		}
		if !strings.HasPrefix(sample(1, 60), first) {
			t.Errorf("%s: a larger budget has changed the sample", strategy)
		}
		if sample(2, 50) == first {
			t.Errorf("%s: two seeds have given one sample", strategy)
		}
	}
}

// sample is a sample with the end states of its executions.
type sample struct {
	*explore.Result
	ends []string
}

func draw(t *testing.T, o explore.Options) sample {
	t.Helper()
	var s sample
	p := sampleProgram.program(false, func(end string) { s.ends = append(s.ends, end) })
	s.Result = result(t, p, o)
	return s
}

// All shards together draw what one search draws, no more and no less.
func TestShardsAddUp(t *testing.T) {
	for _, strategy := range explore.Samples() {
		for _, of := range []int{1, 2, 3, 7} {
			o := explore.Options{Strategy: strategy, Seed: 5, Executions: 100, MinimiseExecutions: 1}
			whole := draw(t, o)
			wholeTitles := map[string]int{}
			for _, f := range whole.Findings {
				wholeTitles[f.Violation.Title]++
			}
			var ends []string
			titles := map[string]int{}
			executions, steps, longest, first := 0, 0, 0, 0
			for i := range of {
				o.Shard = explore.Shard{Index: i, Of: of}
				part := draw(t, o)
				executions += part.Executions
				steps += part.Steps
				longest = max(longest, part.Longest)
				if part.First != 0 && (first == 0 || part.First < first) {
					first = part.First
				}
				for _, f := range part.Findings {
					titles[f.Violation.Title] = 1
				}
				ends = append(ends, part.ends...)
			}
			if executions != whole.Executions || steps != whole.Steps || longest != whole.Longest || first != whole.First || whole.First == 0 {
				t.Errorf("%s/%d: %d executions, %d steps, longest %d, first %d; want %+v", strategy, of, executions, steps, longest, first, whole.Result)
			}
			if !maps.Equal(titles, wholeTitles) || len(titles) < 2 {
				t.Errorf("%s/%d: %v, want %v", strategy, of, titles, wholeTitles)
			}
			// Of the profile every shard makes all; the rest is shared out.
			if missing := subtract(whole.ends, ends); len(missing) > 0 {
				t.Errorf("%s/%d: the shards miss %v", strategy, of, missing)
			}
		}
	}
	for _, s := range []explore.Shard{{Index: 1, Of: 1}, {Index: -1, Of: 2}, {Index: 1}} {
		if _, err := explore.Run(context.Background(), lostUpdate, explore.Options{Strategy: explore.Random, Shard: s}); err == nil {
			t.Errorf("the shard %+v is accepted", s)
		}
	}
	r := result(t, lostUpdate, explore.Options{Strategy: explore.POS, Executions: 2, Shard: explore.Shard{Index: 2, Of: 3}})
	if r.Executions != 0 || r.Verdict() != explore.Inconclusive {
		t.Errorf("a shard without executions: %s", r.Coverage())
	}
}

// subtract is what is left of a when b is taken away, each as often as it is there.
func subtract(a, b []string) (left []string) {
	count := map[string]int{}
	for _, s := range b {
		count[s]++
	}
	for _, s := range a {
		if count[s]--; count[s] < 0 {
			left = append(left, s)
		}
	}
	return left
}

// Within ten executions, as the peers need fewer.
func TestSamplesFindSimpleBugsSoon(t *testing.T) {
	for _, test := range []struct {
		name string
		p    sim.Program
	}{{"lost update", lostUpdate}, {"inversion", inversion}} {
		for _, strategy := range explore.Samples() {
			found := 0
			var first []int
			for seed := range uint64(20) {
				r := result(t, test.p, explore.Options{Strategy: strategy, Seed: seed, Executions: 10})
				if (r.First != 0) != (len(r.Findings) == 1) || r.First > 10 {
					t.Errorf("%s, %s: first %d, %s", test.name, strategy, r.First, r.Coverage())
				}
				first = append(first, r.First)
				found += len(r.Findings)
			}
			t.Logf("%s, %s: first failure with seeds 0 to 19 in execution %d", test.name, strategy, first)
			if found < 19 || first[1] == 0 {
				t.Errorf("%s, %s: %d of 20 seeds find it within 10 executions", test.name, strategy, found)
			}
		}
	}
}

// The exhaustive searches say when they saw the first violation, too.
func TestFirst(t *testing.T) {
	for _, test := range []struct {
		o    explore.Options
		want int
	}{
		{explore.Options{}, 2},
		{explore.Options{Strategy: explore.Bounded, Preemptions: 1}, 4},
	} {
		if r := result(t, lostUpdate, test.o); r.First != test.want {
			t.Errorf("%s: first %d, want %d", r.Strategy, r.First, test.want)
		}
		if r := result(t, counter(2, 1), test.o); r.First != 0 {
			t.Errorf("%s: first %d in a program that breaks no rule", r.Strategy, r.First)
		}
	}
}

// A sample costs no memory, however long it is.
func TestSamplesDoNotAllocate(t *testing.T) {
	p := lockAndCount(5)
	for _, strategy := range explore.Samples() {
		allocs := func(executions int) float64 {
			return testing.AllocsPerRun(3, func() {
				result(t, p, explore.Options{Strategy: strategy, Executions: executions})
			})
		}
		few, many := allocs(100), allocs(1100)
		if perExecution := (many - few) / 1000; perExecution > 0.01 {
			t.Errorf("%s: %.3f allocations for each execution", strategy, perExecution)
		}
	}
}

func TestDepthsThatNoBugHas(t *testing.T) {
	for _, depth := range []int{-1, explore.MostDepth + 1, 1 << 40} {
		_, err := explore.Run(context.Background(), dekker, explore.Options{Strategy: explore.PCT, Depth: depth})
		if want := fmt.Sprintf("no bug has depth %d (want 1 to 20000, or 0 for 3)", depth); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
