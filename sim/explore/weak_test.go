package explore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// weakWorld is what the tasks of the programs of this file share.
type weakWorld struct {
	w    [16]sim.Word[int]
	a    sim.AtomicInt
	lock sim.SpinLock
}

func newWeakWorld(m *sim.Machine) *weakWorld {
	w, k := &weakWorld{}, m.Setup()
	for i := range w.w {
		w.w[i].Init(k, fmt.Sprint("w", i), 0)
	}
	w.a.Init(k, "a", 0)
	k.SpinLockInit(&w.lock, "lock")
	return w
}

// weakly is a program of n tasks.
func weakly(n int, task func(k *sim.K, w *weakWorld, i int)) sim.Program {
	return func(m *sim.Machine) {
		w := newWeakWorld(m)
		for i := range n {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { task(k, w, i) })
		}
	}
}

func ring(n int, between func(k *sim.K)) sim.Program {
	return weakly(n, func(k *sim.K, w *weakWorld, i int) {
		w.w[i].Write(k, 1)
		between(k)
		w.w[(i+1)%n].Read(k)
	})
}

func none(*sim.K) {}

var weakCounts = []struct {
	name          string
	program       sim.Program
	sc, tso, lkmm int
}{
	{"SB, 6", ring(6, none), 63, 64, 64},
	{"SB+mb, 6", ring(6, (*sim.K).SmpMb), 63, 63, 63},
	{"SB, 3", ring(3, none), 7, 8, 8},
	{"SB, 10", ring(10, none), 1023, 1024, 1024},
	{"SB, 6, among 156 events", weakly(6, func(k *sim.K, w *weakWorld, i int) {
		for v := range 12 {
			w.w[6+i].Write(k, v)
			w.w[6+i].Read(k)
		}
		w.w[i].Write(k, 1)
		w.w[(i+1)%6].Read(k)
	}), 63, 64, 64},
	{"dekker", weakly(2, func(k *sim.K, w *weakWorld, i int) {
		w.w[i].Write(k, 1)
		if w.w[1-i].Read(k) == 0 {
			w.w[2].Write(k, i+1)
			w.w[2].Read(k)
		}
	}), 3, 7, 0},
	{"x = x + 1, 3", weakly(3, func(k *sim.K, w *weakWorld, i int) { w.w[0].Write(k, w.w[0].Read(k)+1) }), 36, 36, 36},
	{"x = x + 1, 3 times 2", weakly(3, func(k *sim.K, w *weakWorld, i int) {
		for range 2 {
			w.w[0].Write(k, w.w[0].Read(k)+1)
		}
	}), 7134, 7134, 7134},
	{"atomic_inc, 5", weakly(5, func(k *sim.K, w *weakWorld, i int) { w.a.Inc(k) }), 120, 120, 120},
	{"spin_lock; x++; unlock, 4", weakly(4, func(k *sim.K, w *weakWorld, i int) {
		k.SpinLock(&w.lock)
		w.w[0].Write(k, w.w[0].Read(k)+1)
		k.SpinUnlock(&w.lock)
	}), 24, 24, 24},
	{"spin_lock; x++; unlock, 5", weakly(5, func(k *sim.K, w *weakWorld, i int) {
		k.SpinLock(&w.lock)
		w.w[0].Write(k, w.w[0].Read(k)+1)
		k.SpinUnlock(&w.lock)
	}), 120, 120, 120},
	{"release/acquire chain, 7", weakly(7, func(k *sim.K, w *weakWorld, i int) {
		switch i {
		case 0:
			w.w[7].Write(k, 1)
			w.w[0].StoreRelease(k, 1)
		case 6:
			w.w[5].LoadAcquire(k)
			w.w[7].Read(k)
		default:
			w.w[i-1].LoadAcquire(k)
			w.w[i].StoreRelease(k, 1)
		}
	}), 127, 127, 127},
	{"1 updater, 5 RCU readers", weakly(6, func(k *sim.K, w *weakWorld, i int) {
		if i == 0 {
			w.w[0].Write(k, 1)
			k.SynchronizeRCU()
			w.w[1].Write(k, 1)
			return
		}
		k.RCUReadLock()
		w.w[0].Read(k)
		w.w[1].Read(k)
		k.RCUReadUnlock()
	}), 7776, 243, 243},
	{"x = x + 1, 5", weakly(5, func(k *sim.K, w *weakWorld, i int) { w.w[0].Write(k, w.w[0].Read(k)+1) }), 14400, 14400, 14400},
	{"1 writer, 5 readers", weakly(6, func(k *sim.K, w *weakWorld, i int) {
		if i > 0 {
			w.w[0].Read(k)
			return
		}
		for v := range 5 {
			w.w[0].Write(k, v+1)
		}
	}), 7776, 7776, 7776},
	{"spin_lock; x++; unlock, 5", weakly(5, func(k *sim.K, w *weakWorld, i int) {
		k.SpinLock(&w.lock)
		w.w[0].Write(k, w.w[0].Read(k)+1)
		k.SpinUnlock(&w.lock)
	}), 120, 120, 120},
}

// TestWeakCounts holds the numbers of executions to those of package memory, which has
// the same programs in TestCounts. Under sc, where it goes by conflicting steps, the
// beginning of a grace period has an order with the steps of readers; with the others
// it has none.
func TestWeakCounts(t *testing.T) {
	for _, test := range weakCounts {
		for i, want := range []int{test.sc, test.tso, test.lkmm} {
			if want == 0 || want > 10_000 && !*long {
				continue
			}
			r, err := explore.Run(context.Background(), test.program, explore.Options{Memory: memory.Model(i)})
			if err != nil {
				t.Errorf("%s under %v: %v", test.name, memory.Model(i), err)
				continue
			}
			if !r.Complete || r.Executions != want || len(r.Findings) > 0 {
				t.Errorf("%s under %v: %s; want %d executions", test.name, memory.Model(i), r.Coverage(), want)
			}
			for _, f := range r.Findings {
				t.Error(f.Violation.Title, f.Schedule)
			}
			if strings.HasPrefix(test.name, "spin_lock") && r.Blocked > 0 {
				t.Errorf("%s under %v: %s; want none blocked", test.name, memory.Model(i), r.Coverage())
			}
		}
	}
}

// TestLongExecution draws executions of several hundred steps under each model: two
// tasks that hand a counter to and fro, and one that looks on.
func TestLongExecution(t *testing.T) {
	const turns = 30
	p := weakly(3, func(k *sim.K, w *weakWorld, i int) {
		seen := 0
		for range turns {
			if i == 2 {
				v := w.w[0].Read(k)
				k.BugOn(v < seen, "time runs backwards")
				seen = v
				continue
			}
			k.SpinLock(&w.lock)
			w.w[0].Write(k, w.w[0].Read(k)+1)
			k.SpinUnlock(&w.lock)
		}
	})
	for _, model := range everyModel {
		r, err := explore.Run(context.Background(), p, explore.Options{Memory: model, Strategy: explore.Random, Executions: 3})
		if err != nil || r.Executions != 3 || r.Blocked > 0 || len(r.Findings) > 0 {
			t.Errorf("under %v: %s, %v, %v", model, r.Coverage(), titles(r), err)
		}
		t.Log(r.Coverage())
	}
}

// TestTooLongExecution has more events of memory than there is room for.
func TestTooLongExecution(t *testing.T) {
	p := weakly(1, func(k *sim.K, w *weakWorld, i int) {
		for v := range 5000 {
			w.w[0].Write(k, v)
		}
	})
	r, err := explore.Run(context.Background(), p, explore.Options{Memory: memory.LKMM})
	if want := "incomplete under lkmm (an execution had more than 4096 events of memory): 0 executions, 0 blocked, 1 cut off, 4093 steps"; err != nil || r.Coverage() != want {
		t.Errorf("got %s, %v; want %s", r.Coverage(), err, want)
	}
}

// TestUnsupported asks for searches that there are not under another model than sc.
func TestUnsupported(t *testing.T) {
	for _, o := range []explore.Options{
		{Strategy: explore.Bounded}, {Strategy: explore.Delays}, {Strategy: explore.States},
		{LockAware: true},
	} {
		o.Memory = memory.TSO
		if _, err := explore.Run(context.Background(), ring(2, none), o); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
