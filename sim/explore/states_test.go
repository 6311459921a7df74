package explore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// forgettingLocks is locks of tasks that do not remember what they have counted.
func forgettingLocks(n, times int) sim.Program {
	return func(m *sim.Machine) {
		l, c := mutexes(m, times), words(m, times)
		tasks(m, n, func(_ int, k *sim.K) {
			for i := range times {
				k.MutexLock(&l[i])
				c[i].Write(k, c[i].Read(k)+1)
				k.MutexUnlock(&l[i])
				k.Forget(i)
			}
		})
	}
}

// forgettingCells is the same over plain data, which the mutexes protect.
func forgettingCells(n, times int) sim.Program {
	return func(m *sim.Machine) {
		l, c := mutexes(m, times), make([]sim.Cell[int], times)
		for i := range c {
			c[i].Init(m.Setup(), numbered.w[i])
		}
		tasks(m, n, func(_ int, k *sim.K) {
			for i := range times {
				k.MutexLock(&l[i])
				c[i].Set(k, c[i].Get(k)+1)
				k.MutexUnlock(&l[i])
				k.Forget(i)
			}
		})
	}
}

// Where many ways lead to one state, only one of them is gone to the end; and
// where they do not, the search takes not many more steps than the exhaustive one.
func TestStatesCountsAreSmall(t *testing.T) {
	for _, test := range []struct {
		name        string
		program     sim.Program
		traces      int // Mazurkiewicz traces
		transitions int // at most
	}{
		{"locks(3x6)", forgettingLocks(3, 6), 46656, 8000},
		{"locks(4x5)", forgettingLocks(4, 5), 24 * 24 * 24 * 24 * 24, 70000},
		{"cells(3x4)", forgettingCells(3, 4), 1296, 10000},
		{"lastzero(10)", lastzero(10), 3328, 100000},
		{"counter(5x1)", counter(5, 1), 14400, 20000},
		{"fib(5)", fib(5), 218243, 5000},
		{"ainc(8)", ainc(8), 40320, 5000},
		{"indexer(12)", indexer(12), 8, 400},
		{"filesystem(18)", filesystem(18), 32, 4000},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := result(t, test.program, explore.Options{Strategy: explore.States})
			if !r.Complete || len(r.Findings) > 0 || r.Executions > test.traces || r.Transitions > test.transitions {
				t.Errorf("%s, want no more than %d executions and %d transitions", r.Coverage(), test.traces, test.transitions)
			}
			t.Log(r.Coverage())
		})
	}
}

func TestStatesSayWhatTheyCover(t *testing.T) {
	r := result(t, forgettingLocks(2, 1), explore.Options{Strategy: explore.States})
	if got, want := r.Coverage(), "complete: every state, 15 states, 16 transitions, 2 executions, 0 merged; as far as what tasks say they forget is right"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r = result(t, locks(2, 1), explore.Options{Strategy: explore.States})
	if got, want := r.Coverage(), "complete: every state, 15 states, 16 transitions, 2 executions, 0 merged"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What a state is: programs in which ways lead to the same values and yet to
// different ends.
func TestStatesAreToldApart(t *testing.T) {
	for _, test := range []struct {
		name    string
		program func(m *sim.Machine, x []sim.Word[int], observe func(string))
		ends    []string
		title   string
	}{
		{"what a task has read", func(m *sim.Machine, x []sim.Word[int], observe func(string)) {
			seen := 0
			m.Go("a", func(k *sim.K) { seen = x[0].Read(k) })
			m.Go("b", func(k *sim.K) {
				x[0].Write(k, 1)
				x[0].Write(k, 0)
			})
			m.After(func(*sim.K) { observe(fmt.Sprint(seen)) })
		}, []string{"0", "1"}, ""},
		{"a race that only one of the ways leads to", func(m *sim.Machine, x []sim.Word[int], _ func(string)) {
			var c sim.Cell[int]
			c.Init(m.Setup(), "c")
			m.Go("writer", func(k *sim.K) {
				x[0].Xchg(k, 1)
				c.Set(k, 1)
				x[1].Write(k, 1)
				k.Forget()
			})
			m.Go("helper", func(k *sim.K) { // knows nothing of the cell
				x[1].Write(k, 1)
				k.Forget()
			})
			m.Go("reader", func(k *sim.K) {
				if x[1].Read(k) == 1 {
					c.Get(k)
				}
				k.Forget()
			})
		}, nil, "KCSAN: data-race"},
		{"locks in the other order", func(m *sim.Machine, _ []sim.Word[int], _ func(string)) {
			l := mutexes(m, 2)
			for i, name := range []string{"a", "b"} {
				m.Go(name, func(k *sim.K) {
					k.MutexLock(&l[i])
					k.MutexLock(&l[1-i])
					k.MutexUnlock(&l[1-i])
					k.MutexUnlock(&l[i])
					k.Forget()
				})
			}
		}, nil, "possible deadlock"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ends := map[string]bool{}
			r := result(t, func(m *sim.Machine) {
				test.program(m, words(m, 2), func(end string) { ends[end] = true })
			}, explore.Options{Strategy: explore.States, SelfCheck: true, MinimiseExecutions: 1})
			for _, end := range test.ends {
				if !ends[end] {
					t.Errorf("misses the end %s of %v: %s", end, keys(ends), r.Coverage())
				}
			}
			titles := map[string]bool{}
			for _, f := range r.Findings {
				titles[f.Violation.Kind.Class] = true
			}
			if want := test.title; !titles[want] && want != "" || want == "" && len(titles) > 0 {
				t.Errorf("%v, want %q: %s", keys(titles), want, r.Coverage())
			}
		})
	}
}

// A task that forgets what matters is noticed, one that does not is not.
func TestWrongForgetIsNoticed(t *testing.T) {
	forgetting := func(live func(v int) []int) sim.Program {
		return func(m *sim.Machine) {
			x := words(m, 2)
			m.Go("a", func(k *sim.K) {
				v := x[0].Read(k)
				k.Forget(live(v)...)
				x[1].Read(k)
				if v == 1 {
					x[1].Write(k, 1)
				}
			})
			m.Go("b", func(k *sim.K) {
				x[0].Write(k, 1)
				x[0].Write(k, 0)
				x[1].Write(k, 2)
			})
		}
	}
	o := explore.Options{Strategy: explore.States, SelfCheck: true}
	if _, err := explore.Run(context.Background(), forgetting(func(int) []int { return nil }), o); !errors.Is(err, explore.ErrForgot) || !strings.Contains(err.Error(), "schedules") {
		t.Errorf("forgetting what is used later: %v", err)
	}
	if _, err := explore.Run(context.Background(), forgetting(func(v int) []int { return []int{v} }), o); err != nil {
		t.Errorf("forgetting all but what is used later: %v", err)
	}
}

// Tasks that come round to a state can do so for ever. That is not called clean if it is
// fair to all, and does not matter otherwise.
func TestStatesOfALivelock(t *testing.T) {
	for _, test := range []struct {
		name    string
		second  [2]int // the locks of the second task, in its order
		verdict string
	}{
		{"in two orders", [2]int{1, 0}, explore.Inconclusive},
		{"in one order", [2]int{0, 1}, explore.Clean},
		{"in a row", [2]int{1, 2}, explore.Clean},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := result(t, func(m *sim.Machine) {
				l, orders := mutexes(m, 3), [][2]int{{0, 1}, test.second}
				tasks(m, 2, func(i int, k *sim.K) {
					a, b := &l[orders[i][0]], &l[orders[i][1]]
					for k.MutexLock(a); !k.MutexTrylock(b); k.MutexLock(a) {
						k.MutexUnlock(a)
						k.Forget()
					}
					k.MutexUnlock(b)
					k.MutexUnlock(a)
				})
			}, explore.Options{Strategy: explore.States, SelfCheck: true})
			if r.Verdict() != test.verdict {
				t.Errorf("%s: %s", r.Verdict(), r.Coverage())
			}
		})
	}
}

// A program that goes round for ever has finitely many states.
func TestStatesOfAnEndlessLoop(t *testing.T) {
	ends := map[string]bool{}
	r := result(t, func(m *sim.Machine) {
		x := words(m, 2)
		m.Daemon("a", func(k *sim.K) {
			for {
				x[0].Xchg(k, 1-x[0].Read(k))
				k.Forget()
			}
		})
		m.Go("b", func(k *sim.K) {
			for range 3 {
				x[1].Write(k, x[0].Read(k)+2*x[1].Read(k))
			}
			ends[fmt.Sprint(x[1].Peek())] = true
		})
	}, explore.Options{Strategy: explore.States, SelfCheck: true})
	if !r.Complete || len(ends) != 8 {
		t.Errorf("%v: %s", keys(ends), r.Coverage())
	}
}
