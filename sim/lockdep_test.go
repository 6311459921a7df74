package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
)

// nest takes the locks in the order given and leaves them in the other.
func nest(locks ...func(w *world) *sim.Mutex) task {
	return func(k *sim.K, w *world) {
		for _, l := range locks {
			k.MutexLock(l(w))
		}
		for i := range locks {
			k.MutexUnlock(locks[len(locks)-1-i](w))
		}
	}
}

func lockA(w *world) *sim.Mutex { return &w.a }
func lockB(w *world) *sim.Mutex { return &w.b }
func lockC(w *world) *sim.Mutex { return &w.c }

func TestLockOrderRules(t *testing.T) {
	abc := []string{"a", "b", "c"}
	try(t, []planted{
		{"two orders", sim.LockOrder, []task{nest(lockA, lockB), nest(lockB, lockA)}, nil},
		{"one order", sim.Kind{}, []task{nest(lockA, lockB), nest(lockA, lockB)}, nil},
		{"two orders of one task", sim.LockOrder, []task{func(k *sim.K, w *world) {
			nest(lockA, lockB)(k, w)
			nest(lockB, lockA)(k, w)
		}}, nil},
		{"one after the other", sim.Kind{}, []task{nest(lockA, lockB), func(k *sim.K, w *world) {
			nest(lockB)(k, w)
			nest(lockA)(k, w)
		}}, nil},
		{"a ring of three", sim.LockOrder, []task{nest(lockA, lockB), nest(lockB, lockC), nest(lockC, lockA)}, nil},
		{"no ring of three", sim.Kind{}, []task{nest(lockA, lockB), nest(lockB, lockC), nest(lockA, lockC)}, nil},
		{"trylock in the wrong order", sim.Kind{}, []task{nest(lockA, lockB), func(k *sim.K, w *world) {
			k.MutexLock(&w.b)
			if k.MutexTrylock(&w.a) {
				k.MutexUnlock(&w.a)
			}
			k.MutexUnlock(&w.b)
		}}, nil},
		{"the inner one left last", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.MutexLock(&w.b)
			k.MutexUnlock(&w.a)
			k.MutexUnlock(&w.b)
		}}, nil},
		{"spinlocks in two orders", sim.LockOrder, []task{
			func(k *sim.K, w *world) {
				k.SpinLock(&w.spin)
				k.SpinLock(&w.other)
				k.SpinUnlock(&w.other)
				k.SpinUnlock(&w.spin)
			},
			func(k *sim.K, w *world) {
				k.SpinLock(&w.other)
				k.SpinLock(&w.spin)
				k.SpinUnlock(&w.spin)
				k.SpinUnlock(&w.other)
			},
		}, nil},
		{"the claimed order", sim.Kind{}, []task{nest(lockA, lockB, lockC), nest(lockA, lockC)}, abc},
		{"not the claimed order", sim.ClaimedOrder, []task{nest(lockB, lockA)}, abc},
		{"not the claimed order, with one between", sim.ClaimedOrder, []task{nest(lockA, lockC, lockB)}, abc},
		{"a lock of which nothing is claimed", sim.Kind{}, []task{nest(lockC, lockA, lockB)}, []string{"a", "b"}},
		{"claimed and not nested", sim.Kind{}, []task{nest(lockB), nest(lockA)}, abc},
	})
}

// An inversion is reported in an execution in which nothing went wrong.
func TestLockOrderIsFoundUndisturbed(t *testing.T) {
	o := undisturbed(t, program([]task{nest(lockA, lockB), nest(lockB, lockA)}, nil))
	if o.Violation == nil || o.Violation.Kind != sim.LockOrder || o.Preemptions != 0 {
		t.Errorf("%+v, want an inversion of lock order", o)
	}
}

// Locks that lockdep does not know, such as the page lock, deadlock for real.
func TestDeadlockOfLocksWithoutClass(t *testing.T) {
	var opLock, opUnlock = sim.NewOp("lock_page(%s)"), sim.NewOp("unlock_page(%s)")
	p := func(m *sim.Machine) {
		var page [2]sim.Object
		for i, name := range []string{"page 0", "page 1"} {
			page[i].Init(m.Setup(), name)
			page[i].Allow(1)
		}
		lock := func(k *sim.K, o *sim.Object) {
			k.StepWait(opLock, o, sim.Write, 1)
			o.Forbid(1)
			o.SetHolder(k)
		}
		unlock := func(k *sim.K, o *sim.Object) {
			k.Step(opUnlock, o, sim.Write)
			o.Allow(1)
			o.SetHolder(nil)
		}
		for i, name := range []string{"up", "down"} {
			m.Go(name, func(k *sim.K) {
				lock(k, &page[i])
				lock(k, &page[1-i])
				unlock(k, &page[1-i])
				unlock(k, &page[i])
			})
		}
	}
	if o := undisturbed(t, p); o.Violation != nil {
		t.Fatalf("undisturbed: %v", o.Violation)
	}
	r := search(t, p)
	if len(r.Findings) != 1 || r.Findings[0].Violation.Kind != sim.Deadlock || r.Findings[0].Preemptions != 1 {
		t.Fatalf("%v, want a deadlock that takes one preemption", r.Findings)
	}
	if s := r.Findings[0].Schedule.String(); s != "down@1" {
		t.Errorf("the schedule is %s, want down@1", s)
	}
	if got := r.Findings[0].Violation.Subject; got != "up, down" {
		t.Errorf("%q are deadlocked, want up and down", got)
	}
}

// There may be as many classes as a program likes, and a machine that knows many
// learns from each execution anew.
func TestManyLockClasses(t *testing.T) {
	const n = 200
	m := sim.NewMachine()
	defer m.Close()
	classes := func(last ...int) sim.Program {
		return func(m *sim.Machine) {
			l := make([]sim.Mutex, n)
			for i := range l {
				m.Setup().MutexInit(&l[i], fmt.Sprint("lock", i))
			}
			m.Go("t", func(k *sim.K) {
				for i := range n - 1 {
					k.MutexLock(&l[i])
					k.MutexLock(&l[i+1])
					k.MutexUnlock(&l[i+1])
					k.MutexUnlock(&l[i])
				}
				for _, i := range last {
					k.MutexLock(&l[i])
				}
				for _, i := range last {
					k.MutexUnlock(&l[i])
				}
			})
		}
	}
	for range 2 {
		if o := m.Run(classes(0, 70, 199), sim.Undisturbed); o.Violation != nil {
			t.Errorf("in order: %v", o.Violation)
		}
		if o := m.Run(classes(199, 0), sim.Undisturbed); kindOf(o) != sim.LockOrder {
			t.Errorf("not in order: %v", o.Violation)
		}
	}
}

// Taking locks under others allocates nothing once the machine has its tables.
func TestLockdepAllocatesNothing(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	var (
		mutex [3]sim.Mutex
		spin  [2]sim.SpinLock
		rw    sim.RWLock
		seq   sim.SeqLock
	)
	body := func(k *sim.K) {
		for i := range mutex {
			k.MutexLockNested(&mutex[i], i%2)
		}
		flags := k.SpinLockIRQSave(&spin[0])
		k.SpinLock(&spin[1])
		k.ReadLock(&rw)
		k.ReadLock(&rw)
		k.ReadUnlock(&rw)
		k.ReadUnlock(&rw)
		k.WriteSeqlock(&seq)
		k.WriteSequnlock(&seq)
		k.SpinUnlock(&spin[1])
		k.SpinUnlockIRQRestore(&spin[0], flags)
		for i := range mutex {
			k.MutexUnlock(&mutex[i])
		}
	}
	irq := func(k *sim.K) { k.SpinLock(&spin[0]); k.SpinUnlock(&spin[0]) }
	start := func(k *sim.K) { k.MutexLock(&mutex[0]); k.Interrupt("irq", irq); k.MutexUnlock(&mutex[0]); body(k) }
	p := func(m *sim.Machine) {
		k := m.Setup()
		for i := range mutex {
			k.MutexInit(&mutex[i], "i_mutex")
			k.LockdepSetClass(&mutex[i], [...]string{"one", "two", "three"}[i])
		}
		k.SpinLockInit(&spin[0], "outer")
		k.SpinLockInit(&spin[1], "inner")
		k.RWLockInit(&rw, "rw")
		k.SeqlockInit(&seq, "seq")
		m.Go("t0", start)
		m.Go("t1", body)
	}
	n := testing.AllocsPerRun(50, func() {
		if o := m.Run(p, sim.Undisturbed); o.Violation != nil {
			t.Fatal(o.Violation)
		}
	})
	if n > 2 { // the names of the two locks in seq
		t.Errorf("%v allocations in an execution", n)
	}
}

// twins are two mutexes, rwlocks and spinlocks of one class each.
type twins struct {
	mutex [2]sim.Mutex
	spin  [2]sim.SpinLock
	rw    [2]sim.RWLock
	sem   [2]sim.RWSem
	other sim.SpinLock
}

func tryTwins(t *testing.T, name string, want sim.Kind, tasks ...func(k *sim.K, w *twins)) {
	t.Helper()
	o := undisturbed(t, func(m *sim.Machine) {
		k, w := m.Setup(), &twins{}
		for i := range 2 {
			k.MutexInit(&w.mutex[i], "i_mutex")
			k.SpinLockInit(&w.spin[i], "ptl")
			k.RWLockInit(&w.rw[i], "tasklist_lock")
			k.InitRWSem(&w.sem[i], "mmap_sem")
		}
		k.SpinLockInit(&w.other, "other")
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
	})
	if got := kindOf(o); got != want {
		t.Errorf("%s: %v, want %q", name, o.Violation, want.Name)
	}
}

func TestLocksOfOneClass(t *testing.T) {
	tryTwins(t, "mutex in mutex", sim.Recursive, func(k *sim.K, w *twins) {
		k.MutexLock(&w.mutex[0])
		k.MutexLock(&w.mutex[1])
	})
	parentAndChild := func(k *sim.K, w *twins) {
		k.MutexLock(&w.mutex[0])
		k.MutexLockNested(&w.mutex[1], sim.SingleDepthNesting)
		k.MutexUnlock(&w.mutex[1])
		k.MutexUnlock(&w.mutex[0])
	}
	tryTwins(t, "nested mutex in mutex", sim.Kind{}, parentAndChild, parentAndChild)
	tryTwins(t, "mutex in nested mutex", sim.LockOrder, parentAndChild, func(k *sim.K, w *twins) {
		k.MutexLockNested(&w.mutex[0], sim.SingleDepthNesting)
		k.MutexLock(&w.mutex[1])
	})
	tryTwins(t, "nested in nested", sim.Recursive, func(k *sim.K, w *twins) {
		k.MutexLockNested(&w.mutex[0], 2)
		k.MutexLockNested(&w.mutex[1], 2)
	})
	tryTwins(t, "nested spinlock", sim.Kind{}, func(k *sim.K, w *twins) {
		k.SpinLock(&w.spin[0])
		k.SpinLockNested(&w.spin[1], sim.SingleDepthNesting)
		k.SpinUnlock(&w.spin[1])
		k.SpinUnlock(&w.spin[0])
	})
	tryTwins(t, "nested semaphores", sim.Kind{}, func(k *sim.K, w *twins) {
		k.DownWrite(&w.sem[0])
		k.DownReadNested(&w.sem[1], 1)
		k.UpRead(&w.sem[1])
		k.DownWriteNested(&w.sem[1], 1)
		k.UpWrite(&w.sem[1])
		k.UpWrite(&w.sem[0])
	})
	tryTwins(t, "semaphores", sim.Recursive, func(k *sim.K, w *twins) {
		k.DownWrite(&w.sem[0])
		k.DownWrite(&w.sem[1])
	})
	tryTwins(t, "a class of its own", sim.Kind{}, func(k *sim.K, w *twins) {
		k.LockdepSetClass(&w.mutex[1], "i_mutex_dir")
		k.MutexLock(&w.mutex[1])
		k.MutexLock(&w.mutex[0])
		k.MutexUnlock(&w.mutex[0])
		k.MutexUnlock(&w.mutex[1])
	})
	tryTwins(t, "a trylock of the class", sim.Kind{}, func(k *sim.K, w *twins) {
		k.MutexLock(&w.mutex[0])
		if k.MutexTrylock(&w.mutex[1]) {
			k.MutexUnlock(&w.mutex[1])
		}
		k.MutexUnlock(&w.mutex[0])
	})
	// A reader who is in a lock of the class already waits for the writer of another.
	readers := func(k *sim.K, w *twins) {
		k.ReadLock(&w.rw[0])
		k.SpinLock(&w.other)
		k.ReadLock(&w.rw[1])
		k.ReadUnlock(&w.rw[1])
		k.SpinUnlock(&w.other)
		k.ReadUnlock(&w.rw[0])
	}
	tryTwins(t, "readers of the class", sim.Kind{}, readers, readers)
	tryTwins(t, "readers of the class and a writer", sim.LockOrder, readers, func(k *sim.K, w *twins) {
		k.WriteLock(&w.rw[1])
		k.SpinLock(&w.other)
		k.SpinUnlock(&w.other)
		k.WriteUnlock(&w.rw[1])
	})
}

func TestLockAssertions(t *testing.T) {
	try(t, []planted{
		{"held_write by a reader", sim.NotHeld, []task{func(k *sim.K, w *world) { k.DownRead(&w.sem); k.AssertHeldWrite(&w.sem) }}, nil},
		{"held_write by a writer", sim.Kind{}, []task{func(k *sim.K, w *world) { k.DownWrite(&w.sem); k.AssertHeldWrite(&w.sem); k.UpWrite(&w.sem) }}, nil},
		{"held_write of a mutex", sim.Kind{}, []task{func(k *sim.K, w *world) { k.MutexLock(&w.a); k.AssertHeldWrite(&w.a); k.MutexUnlock(&w.a) }}, nil},
		{"held_read by a writer", sim.NotHeld, []task{func(k *sim.K, w *world) { k.DownWrite(&w.sem); k.AssertHeldRead(&w.sem) }}, nil},
		{"held_read by a reader", sim.Kind{}, []task{func(k *sim.K, w *world) { k.DownRead(&w.sem); k.AssertHeldRead(&w.sem); k.UpRead(&w.sem) }}, nil},
		{"held_read after downgrade", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.DownWrite(&w.sem)
			k.DowngradeWrite(&w.sem)
			k.AssertHeldRead(&w.sem)
			k.UpRead(&w.sem)
		}}, nil},
		{"not_held by the holder", sim.Held, []task{func(k *sim.K, w *world) { k.MutexLock(&w.a); k.AssertNotHeld(&w.a) }}, nil},
		{"not_held and held by another", sim.Kind{}, []task{addUnder, func(k *sim.K, w *world) { w.x.Read(k); k.AssertNotHeld(&w.a) }}, nil},
		{"not_held by one who has left", sim.Kind{}, []task{func(k *sim.K, w *world) { addUnder(k, w); k.AssertNotHeld(&w.a) }}, nil},
	})
}

func TestFreeingHeldLocks(t *testing.T) {
	try(t, []planted{
		{"kfree of a lock that is held", sim.HeldLockFreed, []task{func(k *sim.K, w *world) { k.MutexLock(&w.inLock); k.Kfree(&w.life) }}, nil},
		{"release of a lock that is held", sim.HeldLockFreed, []task{func(k *sim.K, w *world) { k.MutexLock(&w.inLock); k.Release(&w.life) }}, nil},
		{"kfree after unlock", sim.Kind{}, []task{func(k *sim.K, w *world) { k.MutexLock(&w.inLock); k.MutexUnlock(&w.inLock); k.Kfree(&w.life) }}, nil},
		{"kfree under another lock", sim.Kind{}, []task{func(k *sim.K, w *world) { k.MutexLock(&w.a); k.Kfree(&w.life); k.MutexUnlock(&w.a) }}, nil},
		// As in the kernel it is the holder who finds what another has freed.
		{"kfree of a lock that another holds", sim.UseAfterFree, []task{
			func(k *sim.K, w *world) {
				k.MutexLock(&w.inLock)
				k.Complete(&w.done)
				w.x.Read(k)
				k.MutexUnlock(&w.inLock)
				w.x.Read(k)
			},
			func(k *sim.K, w *world) { k.WaitForCompletion(&w.done); k.Kfree(&w.life) },
		}, nil},
	})
}

// The reports of lockdep that report_test.go does not have, in which an interrupt
// comes first or last; what the scripts do is in lockdep_selftest_test.go.
func TestLockdepReports(t *testing.T) {
	const irq = " | m+:d m-:d hard s+:a s-:a"
	first := func(_ *sim.Machine, p *sim.Point) int { return slices.Index(p.Tasks, slices.Max(p.Tasks)) }
	for _, test := range []struct {
		name, script, title string
		irqFirst            bool
	}{
		{"irq-lock-order", "si+:b s+:c s-:c si-:b | s+:c s-:c | si+:a s+:b s-:b si-:a" + irq, order, true},
		{"irq-lock-inversion", "s+:c s-:c | si+:a s+:b s-:b si-:a | si+:b s+:c s-:c si-:b" + irq, order, false},
		{"irq-lock-inversion-backwards", "m+:d m-:d s+:b s-:b | si+:a s+:b s-:b si-:a" + irq, order, true},
		{"irq-unsafe-read-lock", "r+:a r-:a | m+:d m-:d soft w+:a w-:a", state, false},
		{"lock-order-read", "w+:a r+:b r-:b w-:a | w+:b r+:a", order, false},
		{"lock-order-subclass", "m+:b m+:a/1 m-:a m-:b | m+:a/1 m+:b", order, false},
		{"wait-context", "raw+:a s+:b", waitType, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := sim.NewMachine()
			defer m.Close()
			m.ProveRawLockNesting = test.title == waitType
			s := sim.Strategy(sim.Undisturbed)
			if test.irqFirst {
				s = sim.StrategyFunc(first)
			}
			v := m.Record(script(test.script), s).Violation
			if v == nil || v.Title != test.title {
				t.Fatalf("%v, want %s", v, test.title)
			}
			text := strings.ReplaceAll(v.Title+"\n\n"+v.Report, "sim_test/", "sim/")
			golden(t, test.name, lineNumber.ReplaceAllString(text, ".go:N"))
		})
	}
}
