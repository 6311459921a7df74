package sim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// deferredWorld is what the programs about deferred work share.
type deferredWorld struct {
	*world
	timer   sim.Timer
	work    sim.Work
	second  sim.Work
	delayed sim.DelayedWork
	wq      sim.Workqueue
	ordered sim.Workqueue
	thread  sim.Kthread
	modules sim.Modules
	mod     sim.Module
}

// deferredTask is one task of such a program.
type deferredTask func(k *sim.K, w *deferredWorld)

// deferredProgram is a program whose setup is completed by prepare.
func deferredProgram(prepare deferredTask, observe func(w *deferredWorld), tasks ...deferredTask) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &deferredWorld{world: newWorld(k)}
		k.AllocWorkqueue(&w.wq, "wq")
		k.AllocOrderedWorkqueue(&w.ordered, "ordered")
		if prepare != nil {
			prepare(k, w)
		}
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
		m.After(func(*sim.K) {
			if observe != nil {
				observe(w)
			}
		})
	}
}

// deferredCase is a program with the titles of the rules that it breaks and, if
// it breaks none, its end states.
type deferredCase struct {
	name    string
	titles  []string
	ends    []string
	prepare deferredTask
	tasks   []deferredTask
}

// tryDeferred searches each program by both strategies and compares: titles and
// end states are those that the case names, by either.
func tryDeferred(t *testing.T, cases []deferredCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 10}} {
				var ends []string
				p := deferredProgram(c.prepare, func(w *deferredWorld) { ends = append(ends, seen(3)(w.world)) }, c.tasks...)
				r, err := explore.Run(context.Background(), p, o)
				if err != nil {
					t.Fatal(err)
				}
				if !r.Complete {
					t.Fatal(r.Coverage())
				}
				var titles []string
				for _, f := range r.Findings {
					titles = append(titles, f.Violation.Kind.Name+": "+f.Violation.Title)
				}
				slices.Sort(titles)
				slices.Sort(ends)
				ends = slices.Compact(ends)
				if !slices.Equal(titles, c.titles) {
					t.Errorf("%s: found %q, want %q", r.Strategy, titles, c.titles)
				}
				if len(c.titles) == 0 && !slices.Equal(ends, c.ends) {
					t.Errorf("%s: the end states are %q, want %q", r.Strategy, ends, c.ends)
				}
				if testing.Verbose() {
					t.Log(r.Coverage())
				}
			}
		})
	}
}

// counts makes the handler of the timer count in seen[0].
func counts(k *sim.K, w *deferredWorld) {
	k.TimerSetup(&w.timer, "tick", func(k *sim.K) {
		w.x.Xchg(k, 1)
		w.seen[0]++
	})
}

func arm(k *sim.K, w *deferredWorld) { k.ModTimer(&w.timer) }

func note(w *deferredWorld, i int, b bool) {
	w.seen[i] = 1
	if b {
		w.seen[i] = 2
	}
}

func inLife(k *sim.K, w *deferredWorld) {
	k.TimerSetup(&w.timer, "tick", func(k *sim.K) { w.in.Read(k) })
	w.timer.In(&w.life)
}

func shutdownTimer(k *sim.K, w *deferredWorld) { k.TimerDeleteSync(&w.timer); k.Kfree(&w.life) }
func forgetTimer(k *sim.K, w *deferredWorld)   { k.Kfree(&w.life) }
func deleteTimer(k *sim.K, w *deferredWorld)   { k.TimerDelete(&w.timer); k.Kfree(&w.life) }
func setupTimer(k *sim.K, w *deferredWorld)    { counts(k, w) }
func selfDelete(k *sim.K, w *deferredWorld)    { k.TimerDeleteSync(&w.timer) }
func deleteUnder(k *sim.K, w *deferredWorld) {
	k.SpinLockBH(&w.spin)
	k.TimerDeleteSync(&w.timer)
	k.SpinUnlockBH(&w.spin)
}

func TestTimers(t *testing.T) {
	takesLock := func(k *sim.K, w *deferredWorld) {
		k.TimerSetup(&w.timer, "tick", func(k *sim.K) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) })
	}
	tryDeferred(t, []deferredCase{
		{"armed once", nil, []string{"1 0 0"}, counts, []deferredTask{arm}},
		{"armed by the setup", nil, []string{"1 0 0"}, func(k *sim.K, w *deferredWorld) { counts(k, w); arm(k, w) }, nil},
		{"armed twice", nil, []string{"1 2 0", "2 1 0"}, counts, []deferredTask{func(k *sim.K, w *deferredWorld) {
			arm(k, w)
			note(w, 1, k.ModTimer(&w.timer))
		}}},
		{"deleted", nil, []string{"0 2 0", "1 1 0"}, counts, []deferredTask{func(k *sim.K, w *deferredWorld) {
			arm(k, w)
			note(w, 1, k.TimerDelete(&w.timer))
		}}},
		{"pending", nil, []string{"1 1 0", "1 2 0"}, counts, []deferredTask{func(k *sim.K, w *deferredWorld) {
			arm(k, w)
			note(w, 1, k.TimerPending(&w.timer))
		}}},
		{"shut down", nil, []string{"0 2 1", "1 1 1"}, counts, []deferredTask{func(k *sim.K, w *deferredWorld) {
			arm(k, w)
			note(w, 1, k.TimerShutdownSync(&w.timer))
			note(w, 2, k.ModTimer(&w.timer))
		}}},
		{"freed after timer_delete_sync", nil, []string{"0 0 0"}, inLife, []deferredTask{func(k *sim.K, w *deferredWorld) { arm(k, w); shutdownTimer(k, w) }}},
		{"freed after timer_delete", []string{"use-after-free: KASAN: slab-use-after-free Read in in_life"}, nil, inLife, []deferredTask{func(k *sim.K, w *deferredWorld) { arm(k, w); deleteTimer(k, w) }}},
		{"freed while armed", []string{"active-object: WARNING: ODEBUG bug in forget_timer", "use-after-free: KASAN: slab-use-after-free Read in in_life"}, nil, inLife, []deferredTask{func(k *sim.K, w *deferredWorld) { arm(k, w); forgetTimer(k, w) }}},
		{"freed by its handler", nil, []string{"0 0 0"}, func(k *sim.K, w *deferredWorld) {
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { k.Kfree(&w.life) })
			w.timer.In(&w.life)
		}, []deferredTask{arm}},
		{"set up while armed", []string{"active-object: WARNING: ODEBUG bug in counts"}, nil, counts, []deferredTask{func(k *sim.K, w *deferredWorld) { arm(k, w); setupTimer(k, w) }}},
		{"added while armed", []string{"misuse: WARNING in test_timers"}, nil, counts, []deferredTask{func(k *sim.K, w *deferredWorld) { k.AddTimer(&w.timer); k.AddTimer(&w.timer) }}},
		{"deleted by its handler", []string{"recursive-lock: possible deadlock in self_delete"}, nil, func(k *sim.K, w *deferredWorld) {
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { selfDelete(k, w) })
		}, []deferredTask{arm}},
		{"deleted in a hard interrupt", []string{"misuse: WARNING in self_delete"}, nil, counts, []deferredTask{func(k *sim.K, w *deferredWorld) {
			w.y.Read(k)
			k.Interrupt("irq", func(k *sim.K) { selfDelete(k, w) })
		}}},
		{"deleted under a lock of the handler", []string{"lock-order: possible deadlock in delete_under", "lock-order: possible deadlock in test_timers"}, nil, takesLock, []deferredTask{arm, deleteUnder}},
		{"deleted under another lock", nil, []string{"0 0 0", "1 0 0"}, counts, []deferredTask{arm, deleteUnder}},
		{"not set up", []string{"not-initialised: INFO: trying to register non-static key in arm"}, nil, nil, []deferredTask{arm}},
		{"sleeps", []string{"sleep-in-atomic: BUG: sleeping function called from invalid context in test_timers"}, nil, func(k *sim.K, w *deferredWorld) {
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { k.MutexLock(&w.a) })
		}, []deferredTask{arm}},
	})
}

// A timer that arms itself again ends with the tasks, and a task that waits for
// it to tick often enough is not hung.
func TestTimerThatArmsItself(t *testing.T) {
	ticks := func(n int) deferredTask {
		return func(k *sim.K, w *deferredWorld) {
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) {
				if w.seen[0]++; w.seen[0] == n {
					k.Complete(&w.done)
				}
				k.ModTimer(&w.timer)
			})
		}
	}
	run := func(k *sim.K, w *deferredWorld) {
		arm(k, w)
		k.WaitForCompletion(&w.done)
		k.TimerShutdownSync(&w.timer)
	}
	tryDeferred(t, []deferredCase{
		{"for ever", nil, []string{"4 0 0"}, ticks(0), []deferredTask{arm}},
		{"until it is shut down", nil, []string{"0 0 0", "1 0 0", "2 0 0", "3 0 0"}, ticks(0), []deferredTask{func(k *sim.K, w *deferredWorld) { arm(k, w); k.TimerShutdownSync(&w.timer) }}},
		{"waited for", nil, []string{"6 0 0"}, ticks(6), []deferredTask{run}},
		{"waited for in vain", []string{"deadlock: INFO: task hung in test_timer_that_arms_itself"}, nil, ticks(1000), []deferredTask{run}},
	})
}

// One expiry against n other steps of the same word has a place before, after and
// between each of them.
func TestTimersAreSearchedOnce(t *testing.T) {
	for n := range 4 {
		p := deferredProgram(func(k *sim.K, w *deferredWorld) {
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { w.x.Xchg(k, 1) })
		}, nil, func(k *sim.K, w *deferredWorld) {
			arm(k, w)
			for range n {
				w.x.Xchg(k, 2)
			}
		})
		if r := search(t, p); r.Executions != n+1 || r.Blocked != 0 {
			t.Errorf("%d steps: %s, want %d executions", n, r.Coverage(), n+1)
		}
	}
}
