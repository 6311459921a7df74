package sim_test

import (
	"strings"
	"testing"

	"trapline/sim"
)

// rcuPlanted is a program with an RCU bug, or a legal one that looks like it.
type rcuPlanted struct {
	name  string
	title string // none if the program is legal
	text  string // a line of the report
	task  func(k *sim.K, w *rcuWorld)
}

// buggy stands on the stack of every planted program.
func buggy(k *sim.K, w *rcuWorld, f func(k *sim.K, w *rcuWorld)) { f(k, w) }

func tryRCU(t *testing.T, model sim.RCUModel, cases []rcuPlanted) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := search(t, on(model, nil, func(k *sim.K, w *rcuWorld) { buggy(k, w, c.task) }))
			switch {
			case c.title == "" && len(r.Findings) > 0:
				t.Error(r.Findings[0].Violation)
			case c.title == "":
			case len(r.Findings) != 1:
				t.Errorf("%d findings, want %s", len(r.Findings), c.title)
			default:
				v := r.Findings[0].Violation
				title, _, _ := strings.Cut(v.Title, " in ")
				if title != c.title || !strings.Contains(v.Report, c.text) {
					t.Errorf("%s, want %s and %q in\n%s", v.Title, c.title, c.text, v.Report)
				}
			}
		})
	}
}

const suspicious = "WARNING: suspicious RCU usage"

func TestRCUDereferenceRules(t *testing.T) {
	tryRCU(t, sim.ConsolidatedRCU, []rcuPlanted{
		{"outside", suspicious, "suspicious rcu_dereference_check() usage!", func(k *sim.K, w *rcuWorld) { w.p.Dereference(k) }},
		{"inside", "", "", func(k *sim.K, w *rcuWorld) { k.RCUReadLock(); w.p.Dereference(k); k.RCUReadUnlock() }},
		{"after", suspicious, "usage!", func(k *sim.K, w *rcuWorld) { k.RCUReadLock(); k.RCUReadUnlock(); w.p.Dereference(k) }},
		{"after the inner one", "", "", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLock()
			k.RCUReadLock()
			k.RCUReadUnlock()
			w.p.Dereference(k)
			k.RCUReadUnlock()
		}},
		{"with preemption off", suspicious, "usage!", func(k *sim.K, w *rcuWorld) { k.PreemptDisable(); w.p.Dereference(k); k.PreemptEnable() }},
		{"sched with preemption off", "", "", func(k *sim.K, w *rcuWorld) { k.PreemptDisable(); w.p.DereferenceSched(k); k.PreemptEnable() }},
		{"sched under a spinlock", "", "", func(k *sim.K, w *rcuWorld) { k.SpinLock(&w.spin); w.p.DereferenceSched(k); k.SpinUnlock(&w.spin) }},
		{"sched inside rcu_read_lock", suspicious, "suspicious rcu_dereference_sched_check() usage!", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLock()
			w.p.DereferenceSched(k)
			k.RCUReadUnlock()
		}},
		{"bh with softirqs off", "", "", func(k *sim.K, w *rcuWorld) { k.LocalBHDisable(); w.p.DereferenceBH(k); k.LocalBHEnable() }},
		{"bh inside rcu_read_lock_bh", "", "", func(k *sim.K, w *rcuWorld) { k.RCUReadLockBH(); w.p.DereferenceBH(k); k.RCUReadUnlockBH() }},
		{"bh with preemption off", suspicious, "suspicious rcu_dereference_bh_check() usage!", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLockSched()
			w.p.DereferenceBH(k)
			k.RCUReadUnlockSched()
		}},
		{"in an interrupt", "", "", func(k *sim.K, w *rcuWorld) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.p.DereferenceBH(k); w.p.DereferenceSched(k) })
		}},
		{"srcu inside the domain", "", "", func(k *sim.K, w *rcuWorld) {
			idx := k.SRCUReadLock(&w.srcu)
			w.p.DereferenceSRCU(k, &w.srcu)
			k.SRCUReadUnlock(&w.srcu, idx)
		}},
		{"srcu inside another domain", suspicious, "suspicious srcu_dereference_check() usage!", func(k *sim.K, w *rcuWorld) {
			idx := k.SRCUReadLock(&w.second)
			w.p.DereferenceSRCU(k, &w.srcu)
			k.SRCUReadUnlock(&w.second, idx)
		}},
		{"trace", "", "", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLockTrace()
			w.p.DereferenceCheck(k, k.RCUReadLockTraceHeld())
			k.RCUReadUnlockTrace()
		}},
		{"trace outside", suspicious, "usage!", func(k *sim.K, w *rcuWorld) { w.p.DereferenceCheck(k, k.RCUReadLockTraceHeld()) }},
		{"check under the lock", "", "", func(k *sim.K, w *rcuWorld) {
			k.MutexLock(&w.a)
			w.p.DereferenceCheck(k, k.LockdepIsHeld(&w.a))
			k.MutexUnlock(&w.a)
		}},
		{"check under another lock", suspicious, "suspicious rcu_dereference_check() usage!", func(k *sim.K, w *rcuWorld) {
			k.MutexLock(&w.b)
			w.p.DereferenceCheck(k, k.LockdepIsHeld(&w.a))
			k.MutexUnlock(&w.b)
		}},
		{"check by a reader", "", "", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLock()
			w.p.DereferenceCheck(k, k.LockdepIsHeld(&w.a))
			k.RCUReadUnlock()
		}},
		{"protected by the lock", "", "", func(k *sim.K, w *rcuWorld) {
			k.MutexLock(&w.a)
			w.p.Replace(k, w.p.DereferenceProtected(k, k.LockdepIsHeld(&w.a)), k.LockdepIsHeld(&w.a))
			k.MutexUnlock(&w.a)
		}},
		{"protected for a reader", suspicious, "suspicious rcu_dereference_protected() usage!", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLock()
			w.p.DereferenceProtected(k, k.LockdepIsHeld(&w.a))
			k.RCUReadUnlock()
		}},
		{"replaced without the lock", suspicious, "suspicious rcu_dereference_protected() usage!", func(k *sim.K, w *rcuWorld) {
			w.p.Replace(k, nil, k.LockdepIsHeld(&w.a))
		}},
		{"raw, and only its value", "", "", func(k *sim.K, w *rcuWorld) { w.p.DereferenceRaw(k); w.p.Access(k) }},
	})
}

func TestRCUReaderRules(t *testing.T) {
	lock, atomic, nest := (*sim.K).RCUReadLock, "BUG: sleeping function called from invalid context", "RCU nest depth: 1, expected: 0"
	unbalanced, held := "WARNING: bad unlock balance", "BUG: still has locks held"
	sleep := func(k *sim.K, w *rcuWorld) { k.MutexLock(&w.a) }
	in := func(enter func(k *sim.K), f func(k *sim.K, w *rcuWorld)) func(k *sim.K, w *rcuWorld) {
		return func(k *sim.K, w *rcuWorld) { enter(k); f(k, w) }
	}
	both := []rcuPlanted{
		{"sleeping in rcu-bh", suspicious, "Illegal context switch in RCU-bh read-side critical section!", in((*sim.K).RCUReadLockBH, sleep)},
		{"sleeping in rcu-sched", suspicious, "Illegal context switch in RCU-sched read-side critical section!", in((*sim.K).RCUReadLockSched, sleep)},
		{"sleeping with preemption off", atomic, "", in((*sim.K).PreemptDisable, sleep)},
		{"sleeping in trace", "", "", func(k *sim.K, w *rcuWorld) {
			k.RCUReadLockTrace()
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
			k.RCUReadUnlockTrace()
		}},
		{"sleeping in srcu", "", "", func(k *sim.K, w *rcuWorld) {
			idx := k.SRCUReadLock(&w.srcu)
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
			k.SRCUReadUnlock(&w.srcu, idx)
		}},
		{"synchronize_rcu inside", suspicious, "Illegal synchronize_rcu() in RCU read-side critical section!", in(lock, func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCU() })},
		{"synchronize_rcu_expedited inside", suspicious, "Illegal synchronize_rcu_expedited() in RCU read-side critical section!", in(lock, func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUExpedited() })},
		{"synchronize_sched inside", suspicious, "Illegal synchronize_sched() in RCU-sched read-side critical section!", in((*sim.K).RCUReadLockSched, func(k *sim.K, _ *rcuWorld) { k.SynchronizeSched() })},
		{"synchronize_rcu_bh inside", suspicious, "Illegal synchronize_rcu_bh() in RCU-bh read-side critical section!", in((*sim.K).RCUReadLockBH, func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUBH() })},
		{"synchronize_rcu_tasks_trace inside", suspicious, "Illegal synchronize_rcu_tasks_trace() in RCU Tasks Trace read-side critical section!", in((*sim.K).RCUReadLockTrace, func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUTasksTrace() })},
		{"synchronize_srcu inside", suspicious, "Illegal synchronize_srcu() in same-type SRCU (or in RCU) read-side critical section!", func(k *sim.K, w *rcuWorld) {
			k.SRCUReadLock(&w.srcu)
			k.SynchronizeSRCU(&w.srcu)
		}},
		{"synchronize_srcu inside another domain", "", "", func(k *sim.K, w *rcuWorld) {
			idx := k.SRCUReadLock(&w.srcu)
			k.SynchronizeSRCU(&w.second)
			k.SynchronizeRCU()
			k.SRCUReadUnlock(&w.srcu, idx)
		}},
		{"synchronize_rcu with preemption off", atomic, "", in((*sim.K).PreemptDisable, func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCU() })},
		{"synchronize_rcu inside trace", "", "", func(k *sim.K, _ *rcuWorld) {
			k.RCUReadLockTrace()
			k.SynchronizeRCU()
			k.RCUReadUnlockTrace()
		}},
		{"rcu_barrier in an interrupt", atomic, "", func(k *sim.K, w *rcuWorld) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { buggy(k, w, func(k *sim.K, _ *rcuWorld) { k.RCUBarrier() }) })
		}},
		{"rcu_read_unlock alone", unbalanced, "trying to release lock (rcu_read_lock)", func(k *sim.K, _ *rcuWorld) { k.RCUReadUnlock() }},
		{"rcu_read_unlock once more", unbalanced, "", func(k *sim.K, _ *rcuWorld) { k.RCUReadLock(); k.RCUReadUnlock(); k.RCUReadUnlock() }},
		{"rcu_read_unlock_bh of rcu_read_lock", unbalanced, "trying to release lock (rcu_read_lock_bh)", in(lock, func(k *sim.K, _ *rcuWorld) { k.RCUReadUnlockBH() })},
		{"srcu_read_unlock alone", unbalanced, "trying to release lock (srcu)", func(k *sim.K, w *rcuWorld) { k.SRCUReadUnlock(&w.srcu, 0) }},
		{"srcu_read_unlock of another domain", unbalanced, "trying to release lock (second)", func(k *sim.K, w *rcuWorld) { k.SRCUReadUnlock(&w.second, k.SRCUReadLock(&w.srcu)) }},
		{"srcu_read_unlock with a wrong index", "WARNING: index of no SRCU reader", "srcu", func(k *sim.K, w *rcuWorld) { k.SRCUReadUnlock(&w.srcu, k.SRCUReadLock(&w.srcu)+1) }},
		{"srcu_up_read with a wrong index", "WARNING: index of no SRCU reader", "srcu", func(k *sim.K, w *rcuWorld) { k.SRCUUpRead(&w.srcu, k.SRCUDownRead(&w.srcu)+1) }},
		{"srcu_read_lock in srcu_read_lock", "", "", func(k *sim.K, w *rcuWorld) {
			outer, inner := k.SRCUReadLock(&w.srcu), k.SRCUReadLock(&w.srcu)
			k.SRCUReadUnlock(&w.srcu, outer)
			k.SRCUReadUnlock(&w.srcu, inner)
		}},
		{"a reader at exit", held, "(rcu_read_lock)", func(k *sim.K, _ *rcuWorld) { k.RCUReadLock() }},
		{"a trace reader at exit", held, "(rcu_read_lock_trace)", func(k *sim.K, _ *rcuWorld) { k.RCUReadLockTrace() }},
		{"a reader of a domain at exit", held, "(srcu)", func(k *sim.K, w *rcuWorld) { k.SRCUReadLock(&w.srcu) }},
		{"a reader that belongs to no task", "", "", func(k *sim.K, w *rcuWorld) { k.SRCUDownRead(&w.srcu) }},
	}
	t.Run("preemptible", func(t *testing.T) {
		tryRCU(t, sim.ConsolidatedRCU, append(both,
			rcuPlanted{"sleeping", atomic, nest, in(lock, sleep)}))
	})
	t.Run("not preemptible", func(t *testing.T) {
		tryRCU(t, sim.ConsolidatedNonPreemptRCU, append(both,
			rcuPlanted{"sleeping", suspicious, "Illegal context switch in RCU read-side critical section!", in(lock, sleep)}))
	})
}

func TestRCUCallbackRules(t *testing.T) {
	none := func(*sim.K) {}
	tryRCU(t, sim.ConsolidatedRCU, []rcuPlanted{
		{"a head queued twice", "WARNING: ODEBUG bug", "ODEBUG: activate active (active state 1)", func(k *sim.K, w *rcuWorld) {
			k.CallRCU(&w.head, none)
			k.CallRCU(&w.head, none)
		}},
		{"a head queued for two domains", "WARNING: ODEBUG bug", "object type: rcu_head", func(k *sim.K, w *rcuWorld) {
			k.CallSRCU(&w.srcu, &w.head, none)
			k.CallRCU(&w.head, none)
		}},
		{"a head queued again after the barrier", "", "", func(k *sim.K, w *rcuWorld) {
			k.CallRCU(&w.head, none)
			k.RCUBarrier()
			k.CallRCU(&w.head, none)
		}},
		{"a head queued again by its callback", "", "", func(k *sim.K, w *rcuWorld) {
			k.CallRCU(&w.head, func(k *sim.K) { k.CallRCU(&w.head, none) })
		}},
		{"a callback that sleeps", "BUG: sleeping function called from invalid context", "", func(k *sim.K, w *rcuWorld) {
			k.CallRCU(&w.head, func(k *sim.K) { buggy(k, w, func(k *sim.K, w *rcuWorld) { k.MutexLock(&w.a) }) })
		}},
		{"a callback of a domain that sleeps", "", "", func(k *sim.K, w *rcuWorld) {
			k.CallSRCU(&w.srcu, &w.head, func(k *sim.K) { k.MutexLock(&w.a); k.MutexUnlock(&w.a) })
		}},
		{"a callback of RCU Tasks that sleeps", "", "", func(k *sim.K, w *rcuWorld) {
			k.CallRCUTasks(&w.head, func(k *sim.K) { k.MutexLock(&w.a); k.MutexUnlock(&w.a) })
		}},
		{"a head in what its callback frees", "", "", func(k *sim.K, w *rcuWorld) {
			w.head.In(&w.life)
			k.KfreeRCU(&w.head, &w.life)
		}},
		{"freed while queued", "KASAN: slab-use-after-free Write", "", func(k *sim.K, w *rcuWorld) {
			w.head.In(&w.life)
			k.CallRCU(&w.head, none)
			k.Kfree(&w.life)
		}},
		{"freed twice", "KASAN: double-free", "", func(k *sim.K, w *rcuWorld) {
			k.KfreeRCU(&w.head, &w.life)
			k.KfreeRCU(&w.next, &w.life)
		}},
		{"cleaned up", "", "", func(k *sim.K, _ *rcuWorld) {
			var s sim.SRCU
			k.InitSRCUStruct(&s, "s")
			k.SRCUReadUnlock(&s, k.SRCUReadLock(&s))
			k.CleanupSRCUStruct(&s)
		}},
		{"not cleaned up", "memory leak", "(s)", func(k *sim.K, w *rcuWorld) {
			var s sim.SRCU
			w.x.Read(k)
			k.InitSRCUStruct(&s, "s")
		}},
		{"cleaned up with a reader inside", "WARNING: used SRCU domain cleaned up", "", func(k *sim.K, w *rcuWorld) {
			k.SRCUDownRead(&w.srcu)
			k.CleanupSRCUStruct(&w.srcu)
		}},
		{"cleaned up with a callback to come", "WARNING: used SRCU domain cleaned up", "", func(k *sim.K, w *rcuWorld) {
			k.CallSRCU(&w.srcu, &w.head, none)
			k.CleanupSRCUStruct(&w.srcu)
		}},
		{"cleaned up after the barrier", "", "", func(k *sim.K, w *rcuWorld) {
			k.CallSRCU(&w.srcu, &w.head, none)
			k.SRCUBarrier(&w.srcu)
			k.CleanupSRCUStruct(&w.srcu)
		}},
		{"in an object that is freed", "KASAN: slab-use-after-free Write", "", func(k *sim.K, w *rcuWorld) {
			w.srcu.In(&w.life)
			k.Kfree(&w.life)
			k.SRCUReadLock(&w.srcu)
		}},
		{"used after it was cleaned up", "KASAN: slab-use-after-free Write", "", func(k *sim.K, w *rcuWorld) {
			k.CleanupSRCUStruct(&w.srcu)
			k.SRCUReadLock(&w.srcu)
		}},
	})
}

// A domain in which a reader waits for what the updater holds hangs, and the report
// says who waits for whom.
func TestSRCUDeadlock(t *testing.T) {
	r := search(t, on(sim.ConsolidatedRCU, nil,
		func(k *sim.K, w *rcuWorld) {
			idx := k.SRCUReadLock(&w.srcu)
			k.DownRead(&w.sem)
			k.UpRead(&w.sem)
			k.SRCUReadUnlock(&w.srcu, idx)
		},
		func(k *sim.K, w *rcuWorld) {
			k.DownWrite(&w.sem)
			k.SynchronizeSRCU(&w.srcu)
			k.UpWrite(&w.sem)
		}))
	for _, f := range r.Findings {
		if f.Violation.Kind != sim.Deadlock {
			t.Errorf("%v", f.Violation)
			continue
		}
		for i, want := range []string{"t0 waits in down_read(&sem), held by t1, ", "t1 waits in synchronize_srcu(&srcu), held by t0, "} {
			if got := f.Violation.Waits[i]; !strings.HasPrefix(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	if len(r.Findings) == 0 {
		t.Error("no deadlock was found")
	}
}

func TestRCUReport(t *testing.T) {
	o := undisturbed(t, on(sim.ConsolidatedRCU, nil, func(k *sim.K, w *rcuWorld) {
		k.MutexLock(&w.a)
		idx := k.SRCUReadLock(&w.srcu)
		buggy(k, w, func(k *sim.K, w *rcuWorld) { w.p.Dereference(k) })
		k.SRCUReadUnlock(&w.srcu, idx)
	}))
	golden(t, "suspicious_rcu", lineNumber.ReplaceAllString(o.Violation.Title+"\n\n"+o.Violation.Report, ".go:N"))
	o = undisturbed(t, on(sim.ConsolidatedRCU, nil, func(k *sim.K, w *rcuWorld) {
		k.CallRCU(&w.head, func(*sim.K) {})
		buggy(k, w, func(k *sim.K, w *rcuWorld) { k.CallRCU(&w.head, func(*sim.K) {}) })
	}))
	golden(t, "rcu_head_twice", lineNumber.ReplaceAllString(o.Violation.Title+"\n\n"+o.Violation.Report, ".go:N"))
}

// A reader is held like a lock, also where there are no locks at all.
func TestRCUReportWithoutLocks(t *testing.T) {
	o := undisturbed(t, func(m *sim.Machine) {
		m.Go("reader", func(k *sim.K) {
			k.RCUReadLock()
			k.SynchronizeRCU()
		})
	})
	if v := o.Violation; v == nil || !strings.Contains(v.Report, "(rcu_read_lock){....}-{1:3}, at:") {
		t.Errorf("%v", v)
	}
}
