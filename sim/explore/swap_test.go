package explore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// independent tests the declarations of a program with so many executions.
func independent(t rapid.TB, p sim.Program, executions int) explore.Swaps {
	t.Helper()
	done, err := explore.CheckIndependence(context.Background(), p, explore.Options{Executions: executions})
	if err != nil {
		t.Error(err)
	}
	return done
}

// Programs whose steps share something that they do not declare.
func TestHiddenAccessesAreFound(t *testing.T) {
	for _, test := range []struct {
		name string
		p    sim.Program
		want string
	}{
		{"a value", func(m *sim.Machine) {
			x, hidden := words(m, 2), 0
			tasks(m, 2, func(i int, k *sim.K) {
				hidden++
				x[i].Write(k, 0)
				x[i].Write(k, hidden)
				hidden += 10
			})
		}, "the tasks see or leave other values"},
		{"a value in a cell", func(m *sim.Machine) {
			x, hidden := words(m, 2), 0
			cells := make([]sim.Cell[int], 2)
			tasks(m, 2, func(i int, k *sim.K) {
				x[i].Read(k)
				hidden++
				cells[i].Set(k, hidden)
			})
			for i := range cells {
				cells[i].Init(m.Setup(), "cell")
			}
		}, "the tasks see or leave other values"},
		{"a step", func(m *sim.Machine) {
			x, hidden := words(m, 2), 0
			tasks(m, 2, func(i int, k *sim.K) {
				x[i].Read(k)
				if hidden++; hidden == 1 {
					x[i].Write(k, 1)
				}
			})
		}, "step 2 is not possible"},
		{"a lock", func(m *sim.Machine) { // which step comes next is hidden in a list
			x := words(m, 2)
			l, free := mutexes(m, 2), []int{0, 1}
			tasks(m, 2, func(i int, k *sim.K) {
				x[i].Read(k)
				j := free[0]
				free = free[1:]
				k.MutexLock(&l[j])
				k.MutexUnlock(&l[j])
			})
		}, "uses something else"},
		{"a violation", func(m *sim.Machine) {
			x, hidden := words(m, 2), 0
			tasks(m, 2, func(i int, k *sim.K) {
				x[i].Read(k)
				if i == 0 {
					hidden++
				} else if hidden == 0 {
					k.Fail(&sim.Violation{Kind: lost, Subject: "too early"})
				}
			})
		}, "it breaks a rule (lost-update: too early)"},
		{"the end", func(m *sim.Machine) {
			x, last := words(m, 2), 0
			tasks(m, 2, func(i int, k *sim.K) {
				x[i].Read(k)
				last = i
			})
			m.After(func(*sim.K) { m.Fold(uint64(last)) })
		}, "the tasks see or leave other values"},
		{"which of two that add does more", func(m *sim.Machine) { putTwice(m, true) }, "uses something else"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := explore.CheckIndependence(context.Background(), test.p, explore.Options{})
			if !errors.Is(err, explore.ErrDependent) || !strings.Contains(err.Error(), test.want) ||
				!strings.Contains(err.Error(), " were declared independent, but if they are exchanged ") ||
				!strings.Contains(err.Error(), "t0: ") || !strings.Contains(err.Error(), "t1: ") {
				t.Errorf("%v, want that %s", err, test.want)
			}
		})
	}
}

var opPut = sim.NewOp("put(%s)")

// putTwice drops two references, and the last one frees. If that is odd, it frees
// something else when the second task is the last.
func putTwice(m *sim.Machine, odd bool) {
	var count, page, other sim.Object
	for _, o := range []*sim.Object{&count, &page, &other} {
		o.Init(m.Setup(), "object")
	}
	refs := 2
	tasks(m, 2, func(i int, k *sim.K) {
		k.Step(opPut, &count, sim.Add)
		if refs--; refs > 0 {
			return
		}
		k.Touch(&page, sim.Write)
		if odd && i == 1 {
			k.Touch(&other, sim.Write)
		}
	})
}

// It is no matter which of several drops the last reference.
func TestTheLastOneMayDoMore(t *testing.T) {
	if done := independent(t, func(m *sim.Machine) { putTwice(m, false) }, 20); done.Swaps == 0 {
		t.Error("nothing was exchanged")
	}
}

// The same programs with what they share in the machine.
func TestDeclaredAccessesAreFine(t *testing.T) {
	for _, strategy := range []string{"", explore.PCT, explore.POS, explore.SURW} {
		p := func(m *sim.Machine) {
			x, shared := words(m, 2), words(m, 1)
			var last sim.Cell[int]
			last.Init(m.Setup(), "last")
			l := mutexes(m, 1)
			tasks(m, 2, func(i int, k *sim.K) {
				x[i].Write(k, shared[0].Read(k))
				shared[0].Write(k, 1)
				k.MutexLock(&l[0])
				last.Set(k, i)
				k.MutexUnlock(&l[0])
			})
			m.After(func(*sim.K) { m.Fold(uint64(last.Peek())) })
		}
		done, err := explore.CheckIndependence(context.Background(), p, explore.Options{Strategy: strategy, Executions: 20})
		if err != nil || done.Executions != 20 || done.Swaps < 20 {
			t.Errorf("%s: %+v, %v", strategy, done, err)
		}
	}
	if _, err := explore.CheckIndependence(context.Background(), lostUpdate, explore.Options{Strategy: explore.DPOR}); err == nil {
		t.Error("a strategy that does not draw is accepted")
	}
}

func TestPeersDeclareWhatTheyUse(t *testing.T) {
	for _, p := range []peer{
		{"indexer(12)", indexer(12), 0}, {"lastzero(5)", lastzero(5), 0}, {"readers(5)", readers(5), 0},
		{"filesystem(16)", filesystem(16), 0}, {"fib(3)", fib(3), 0}, {"counter(3x2)", counter(3, 2), 0},
		{"ainc(4)", ainc(4), 0}, {"dekker", dekker, 0}, {"sb(5)", sb(5), 0}, {"locks(3x4)", locks(3, 4), 0},
	} {
		done := independent(t, p.program, 50)
		if p.name != "ainc(4)" && p.name != "counter(3x2)" && done.Swaps == 0 {
			t.Errorf("%s: nothing was exchanged", p.name)
		}
	}
}

// Every verb of the drawn programs declares what it uses.
func TestDrawnProgramsDeclareWhatTheyUse(t *testing.T) {
	for _, verbs := range [][]string{quiet, wild} {
		rapid.Check(t, func(rt *rapid.T) {
			p := programs(verbs).Draw(rt, "program")
			daemons := rapid.Bool().Draw(rt, "daemons")
			independent(rt, p.program(daemons, func(string) {}), 5)
		})
	}
}
