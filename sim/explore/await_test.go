package explore_test

import (
	"context"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// Programs that wait in a loop: their counts of executions, which must not be
// raised by going round, and their verdicts.
func TestLoops(t *testing.T) {
	for _, test := range []struct {
		name       string
		program    func(m *sim.Machine, x []sim.Word[int])
		executions int
		title      string
	}{
		{"await", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("producer", func(k *sim.K) { x[1].Write(k, 1); x[0].Write(k, 1) })
			m.Go("consumer", func(k *sim.K) {
				x[0].CondLoadAcquire(k, func(v int) bool { return v == 1 })
				x[1].Read(k)
			})
		}, 1, ""},
		{"await the second of three values", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("producer", func(k *sim.K) {
				for i := range 3 {
					x[0].Write(k, i+1)
				}
			})
			m.Go("consumer", func(k *sim.K) { x[0].CondLoadRelaxed(k, func(v int) bool { return v == 2 }) })
		}, 0, "BUG: soft lockup in test_loops"},
		{"await at least the second of three values", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("producer", func(k *sim.K) {
				for i := range 3 {
					x[0].Write(k, i+1)
				}
			})
			m.Go("consumer", func(k *sim.K) { x[0].CondLoadRelaxed(k, func(v int) bool { return v >= 2 }) })
		}, 2, ""},
		{"a loop over one word", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("producer", func(k *sim.K) { x[0].Write(k, 1) })
			m.Go("consumer", func(k *sim.K) {
				for x[0].Read(k) == 0 {
				}
			})
		}, 2, ""},
		{"a loop over two words", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("a", func(k *sim.K) { x[0].Write(k, 1) })
			m.Go("b", func(k *sim.K) { x[1].Write(k, 1) })
			m.Go("consumer", func(k *sim.K) {
				for x[0].Read(k) == 0 || x[1].Read(k) == 0 {
				}
			})
		}, 4, ""},
		{"a loop that nobody ends", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("consumer", func(k *sim.K) {
				for x[0].Read(k) == 0 {
				}
			})
			m.Go("other", func(*sim.K) {})
		}, 0, "BUG: soft lockup in test_loops"},
		{"a loop that ends by itself", func(m *sim.Machine, x []sim.Word[int]) {
			m.Go("producer", func(k *sim.K) { x[0].Write(k, 1) })
			m.Go("consumer", func(k *sim.K) {
				for i := 0; i < 5 && x[0].Read(k) == 0; i++ {
				}
			})
		}, 6, ""},
		{"a loop of cmpxchg", func(m *sim.Machine, x []sim.Word[int]) {
			for _, name := range []string{"a", "b"} {
				m.Go(name, func(k *sim.K) {
					for x[0].Cmpxchg(k, 0, 1) != 0 {
					}
					x[0].Write(k, 0)
				})
			}
		}, 4, ""},
		{"a rule broken just after a loop", func(m *sim.Machine, x []sim.Word[int]) {
			l := mutexes(m, 1)
			m.Go("consumer", func(k *sim.K) {
				for range 3 {
					x[0].Cmpxchg(k, 0, 0)
				}
				k.MutexLock(&l[0])
				k.MutexLock(&l[0])
			})
		}, 0, "possible deadlock in test_loops"},
		{"a loop of trylock", func(m *sim.Machine, _ []sim.Word[int]) {
			var l sim.SpinLock
			m.Setup().SpinLockInit(&l, "l")
			for _, name := range []string{"a", "b"} {
				m.Go(name, func(k *sim.K) {
					for !k.SpinTrylock(&l) {
					}
					k.SpinUnlock(&l)
				})
			}
		}, 4, ""},
		{"a cmpxchg that never succeeds", func(m *sim.Machine, x []sim.Word[int]) {
			for _, name := range []string{"a", "b"} {
				m.Go(name, func(k *sim.K) {
					for x[0].Cmpxchg(k, 0, 1) != 0 {
					}
				})
			}
		}, 0, "BUG: soft lockup in test_loops"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := func(m *sim.Machine) { test.program(m, words(m, 2)) }
			r, err := explore.Run(context.Background(), p, explore.Options{SelfCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			title := ""
			if len(r.Findings) > 0 {
				title = r.Findings[0].Violation.Title
			}
			if title != test.title {
				t.Fatalf("%q, want %q: %s", title, test.title, r.Coverage())
			}
			if r.Blocked != 0 || !r.Complete || test.title == "" && r.Executions != test.executions {
				t.Errorf("%s, want %d executions", r.Coverage(), test.executions)
			}
			b, err := explore.Run(context.Background(), p, explore.Options{Strategy: explore.Bounded, Preemptions: 30})
			if err != nil || (len(b.Findings) > 0) != (title != "") || !b.Complete {
				t.Errorf("the bounded search says %v, %s", err, b.Coverage())
			}
		})
	}
}
