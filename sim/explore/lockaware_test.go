package explore_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// The programs of TestSections: what n tasks do under one lock.

func emptySections(n, times int) sim.Program {
	return func(m *sim.Machine) {
		l := mutexes(m, 1)
		tasks(m, n, func(_ int, k *sim.K) {
			for range times {
				k.MutexLock(&l[0])
				k.MutexUnlock(&l[0])
			}
		})
	}
}

func sectionsOf(n int, body func(i int, k *sim.K, x []sim.Word[int])) sim.Program {
	return func(m *sim.Machine) {
		var l sim.SpinLock
		m.Setup().SpinLockInit(&l, "l")
		x := words(m, n)
		tasks(m, n, func(i int, k *sim.K) {
			k.SpinLock(&l)
			body(i, k, x)
			k.SpinUnlock(&l)
		})
	}
}

// TestSections holds the counts of programs whose tasks do something under a lock
// to those of the orders of what is done that differ.
func TestSections(t *testing.T) {
	for _, test := range []struct {
		peer
		ordered int
	}{
		{peer{"empty(5)", emptySections(5, 1), 1}, 120},
		{peer{"empty(3x2)", emptySections(3, 2), 1}, 90},
		{peer{"readers(5)", sectionsOf(5, func(_ int, k *sim.K, x []sim.Word[int]) { x[0].Read(k) }), 1}, 120},
		{peer{"words(5)", sectionsOf(5, func(i int, k *sim.K, x []sim.Word[int]) { x[i].Write(k, 1) }), 1}, 120},
		{peer{"writers(5)", sectionsOf(5, func(i int, k *sim.K, x []sim.Word[int]) { x[0].Write(k, i) }), 120}, 120},
		{peer{"writers(3 of 5)", sectionsOf(5, func(i int, k *sim.K, x []sim.Word[int]) { x[max(i-2, 0)].Write(k, i) }), 6}, 120},
		{peer{"locks(3x4)", locks(3, 4), 1296}, 1296},
		{peer{"filesystem(16)", filesystem(16), 8}, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, aware := range []bool{false, true} {
				for workers := 1; workers <= 3; workers += 2 {
					want := test.ordered
					if aware {
						want = test.want
					}
					r, err := explore.Run(t.Context(), test.program, explore.Options{LockAware: aware, Workers: workers})
					if err != nil {
						t.Fatal(err)
					}
					if r.Executions != want || r.Blocked > 0 && workers == 1 || r.LockAware != aware || r.Verdict() != explore.Clean {
						t.Errorf("lock-aware %t, %d workers: want %d: %s", aware, workers, want, r.Coverage())
					}
				}
			}
		})
	}
}

var _ = fmt.Sprint
var _ = strings.Contains
var _ = rapid.Bool
