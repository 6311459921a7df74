package explore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// alike is a program of n tasks that do the same, and perhaps one that does not.
type alike struct {
	n           int
	same, other []act
}

func (a alike) String() string {
	return fmt.Sprintf("\n\t%d times: %v\n\tother: %v", a.n, a.same, a.other)
}

func (a alike) program(observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		w := newWorld(m.Setup())
		m.GoSymmetric("s", a.n, func(k *sim.K) { t0(k, w, a.same) })
		if len(a.other) > 0 {
			m.Go("other", func(k *sim.K) { t1(k, w, a.other) })
		}
		m.After(func(*sim.K) { observe(w.endOfAny()) })
	}
}

// endOfAny is the end state up to the names of the tasks that are alike: what each
// of them, with its interrupts, has seen, in the order of the alphabet.
func (w *world) endOfAny() string {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(w.log)) {
		task, irq, _ := strings.Cut(name, "/")
		seen[task] += fmt.Sprint(irq, w.log[name])
	}
	other := seen["other"]
	delete(seen, "other")
	return fmt.Sprint(w.x[0].Peek(), w.x[1].Peek(), w.in.Peek(), w.cell.Peek(), w.life.Alive(), other, slices.Sorted(maps.Values(seen)))
}

func plainly(m *sim.Machine) { m.NoSymmetry = true }

// With tasks that are alike a program has the same end states and breaks the same
// rules as with ordinary ones, but for names, and never has more executions.
func TestSymmetryLosesNothing(t *testing.T) {
	saved := 0
	for _, verbs := range [][]string{quiet, wild, lockWild} {
		rapid.Check(t, func(rt *rapid.T) {
			a := alike{n: rapid.IntRange(2, 3).Draw(rt, "n")}
			a.same = acts(verbs, 5-a.n, 1).Draw(rt, "same")
			if rapid.Bool().Draw(rt, "and another") {
				a.other = acts(verbs, 5-a.n, 1).Draw(rt, "other")
			}
			ends, titles, ok := referenceOf(a, 500)
			if !ok {
				return
			}
			executions := map[string]int{}
			for _, o := range []explore.Options{
				{SelfCheck: true, Setup: plainly}, {SelfCheck: true}, {Strategy: explore.States, SelfCheck: true},
				{Strategy: explore.Bounded, Preemptions: 20},
			} {
				gotEnds, gotTitles := map[string]bool{}, map[string]bool{}
				r, err := explore.Run(context.Background(), a.program(func(e string) { gotEnds[e] = true }), o)
				if err != nil {
					rt.Fatalf("%v%v", err, a)
				}
				for _, f := range r.Findings {
					gotTitles[title(f.Violation)] = true
				}
				if !maps.Equal(gotTitles, titles) || !maps.Equal(gotEnds, ends) {
					rt.Errorf("%s, symmetric: %t: %q and %q, want %q and %q%v", r.Strategy, r.Symmetric, keys(gotTitles), keys(gotEnds), keys(titles), keys(ends), a)
				}
				executions[fmt.Sprint(r.Strategy, " ", r.Symmetric)] = r.Executions + r.Blocked
			}
			with, without := executions["dpor true"], executions["dpor false"]
			if len(titles) == 0 && with > without {
				rt.Errorf("%d executions, and %d without symmetry%v", with, without, a)
			}
			if with < without {
				saved++
			}
		})
	}
	if saved == 0 {
		t.Error("no program took fewer executions with symmetry")
	}
}

// referenceOf visits every execution of ordinary tasks.
func referenceOf(a alike, most int) (ends, titles map[string]bool, ok bool) {
	plain := func(observe func(string)) sim.Program {
		p := a.program(observe)
		return func(m *sim.Machine) {
			m.NoSymmetry = true
			p(m)
		}
	}
	return reference(plain, most)
}

// Of executions in which tasks that are alike change places only one is explored.
func TestSymmetricCounts(t *testing.T) {
	symmetric := func(n int, body func(m *sim.Machine) func(k *sim.K)) sim.Program {
		return func(m *sim.Machine) { m.GoSymmetric("t", n, body(m)) }
	}
	locked := func(times int) func(m *sim.Machine) func(k *sim.K) {
		return func(m *sim.Machine) func(k *sim.K) {
			l, c := mutexes(m, times), words(m, times)
			return func(k *sim.K) {
				for i := range times {
					k.MutexLock(&l[i])
					c[i].Write(k, c[i].Read(k)+1)
					k.MutexUnlock(&l[i])
				}
			}
		}
	}
	add := func(m *sim.Machine) func(k *sim.K) {
		x := words(m, 1)
		return func(k *sim.K) { x[0].Xchg(k, 1) }
	}
	for _, test := range []peer{
		{"locks(3x2)", symmetric(3, locked(2)), 6},
		{"locks(3x4)", symmetric(3, locked(4)), 216},
		{"locks(4x2)", symmetric(4, locked(2)), 24},
		{"ainc(8)", symmetric(8, add), 1},
	} {
		t.Run(test.name, test.count)
		t.Run(test.name+" by 3", func(t *testing.T) { test.countBy(t, 3) })
	}
	r := result(t, symmetric(3, locked(2)), explore.Options{})
	if !r.Symmetric || !strings.HasSuffix(r.Coverage(), "tasks that are alike are not told apart") {
		t.Error(r.Coverage())
	}
	r = result(t, symmetric(3, locked(2)), explore.Options{Setup: plainly})
	if r.Symmetric || r.Executions != 36 {
		t.Error(r.Coverage())
	}
}

// Tasks that do not begin with the same step are not alike.
func TestTasksThatAreNotAlike(t *testing.T) {
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "t.2 is not like t: they do not begin with the same step") {
			t.Error(r)
		}
	}()
	result(t, func(m *sim.Machine) {
		x, n := words(m, 1), 0
		m.GoSymmetric("t", 2, func(k *sim.K) {
			if n++; n == 1 {
				x[0].Write(k, 1)
			}
			x[0].Read(k)
		})
	}, explore.Options{})
}
