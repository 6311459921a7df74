package explore_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// The programs below each broke a rule that some search did not see, or saw one
// that was not broken. Here every title of the full search must be found, by
// either strategy, with the fewest preemptions.

var opTouching = sim.NewOp("touching(%s)")

func leakHere(k *sim.K, l *sim.Life)  { _ = k.Kzalloc(l, "obj", sim.GFPKernel) }
func leakThere(k *sim.K, l *sim.Life) { _ = k.Kzalloc(l, "obj", sim.GFPKernel) }

func waitHere(k *sim.K, c *sim.Completion)  { k.WaitForCompletion(c) }
func waitThere(k *sim.K, c *sim.Completion) { k.WaitForCompletion(c) }

func setHere(k *sim.K, c *sim.Cell[int])      { c.Set(k, 1) }
func setThere(k *sim.K, c *sim.Cell[int])     { c.Set(k, 2) }
func setElsewhere(k *sim.K, c *sim.Cell[int]) { c.Set(k, 3) }

func unlockThenOops(k *sim.K, l *sim.Mutex) {
	var nowhere *int
	defer func() { *nowhere = 1 }()
	k.MutexUnlock(l)
	nowhere = new(int)
}

var titled = []struct {
	name    string
	program sim.Program
	want    []string // titles
}{
	{
		"leaks of one name in two functions",
		func(m *sim.Machine) {
			m.Go("t", func(k *sim.K) {
				var l sim.Life
				if k.Choose(2, "which") == 0 {
					leakHere(k, &l)
				} else {
					leakThere(k, &l)
				}
			})
		},
		[]string{"memory leak in leak_here", "memory leak in leak_there"},
	},
	{
		"the same wait in two functions",
		func(m *sim.Machine) {
			var c sim.Completion
			m.Setup().InitCompletion(&c, "c")
			m.Go("t", func(k *sim.K) {
				if k.Choose(2, "which") == 0 {
					waitHere(k, &c)
				} else {
					waitThere(k, &c)
				}
			})
		},
		[]string{"INFO: task hung in wait_here", "INFO: task hung in wait_there"},
	},
	{
		"one access races with either of two",
		func(m *sim.Machine) {
			x := words(m, 1)
			var c sim.Cell[int]
			c.Init(m.Setup(), "c")
			m.Go("a", func(k *sim.K) {
				if k.Choose(2, "which") == 0 {
					x[0].Read(k)
					setHere(k, &c)
				} else {
					setThere(k, &c)
				}
			})
			m.Go("b", func(k *sim.K) { x[0].Read(k); setElsewhere(k, &c) })
		},
		[]string{"KCSAN: data-race in set_elsewhere / set_here", "KCSAN: data-race in set_elsewhere / set_there"},
	},
	{
		"a wake-up from one queue before the wait in another",
		func(m *sim.Machine) {
			x := words(m, 1)
			var q [2]sim.WaitQueue
			m.Setup().InitWaitqueueHead(&q[0], "q0")
			m.Setup().InitWaitqueueHead(&q[1], "q1")
			m.Go("waker", func(k *sim.K) { x[0].Write(k, 1); k.WakeUp(&q[0]) })
			m.Go("waiter", func(k *sim.K) {
				k.PrepareToWait(&q[0])
				if x[0].Read(k) == 1 {
					return
				}
				k.PrepareToWait(&q[1])
				k.Schedule(&q[1])
			})
		},
		[]string{"INFO: task hung in waiter"},
	},
	{
		"a wake-up while the task queues for a semaphore",
		func(m *sim.Machine) {
			var q sim.WaitQueue
			var s sim.RWSem
			var c sim.Cell[int]
			c.Init(m.Setup(), "c")
			m.Setup().InitWaitqueueHead(&q, "q")
			m.Setup().InitRWSem(&s, "sem")
			m.Go("waiter", func(k *sim.K) {
				k.PrepareToWait(&q)
				k.DownRead(&s)
				c.Get(k)
				k.UpRead(&s)
				k.FinishWait(&q)
			})
			m.Go("writer", func(k *sim.K) {
				k.DownWrite(&s)
				k.WakeUp(&q)
				c.Set(k, 1)
				k.UpWrite(&s)
			})
		},
		nil,
	},
	{
		"a lock used by a step that also stores",
		func(m *sim.Machine) {
			x := words(m, 1)
			var c sim.Cell[int]
			var o sim.Object
			c.Init(m.Setup(), "c")
			o.Init(m.Setup(), "o")
			done := false
			m.Go("a", func(k *sim.K) {
				x[0].Read(k)
				c.Set(k, 1)
				k.Step(opTouching, &o, sim.Write)
				done = true
			})
			m.Go("b", func(k *sim.K) {
				x[0].Write(k, 1)
				k.Touch(&o, sim.Write)
				if done {
					c.Get(k)
				}
			})
		},
		nil,
	},
	{
		"an oops in a deferred function after a violation",
		func(m *sim.Machine) {
			var l sim.Mutex
			m.Setup().MutexInit(&l, "l")
			m.Go("t", func(k *sim.K) { unlockThenOops(k, &l) })
		},
		[]string{"WARNING: bad unlock balance in unlock_then_oops"},
	},
	{
		"a violation in the setup",
		func(m *sim.Machine) {
			var w *sim.Word[int]
			m.Go("t", func(k *sim.K) { w.Read(k) })
			var l sim.Mutex
			m.Setup().MutexInit(&l, "l")
			m.Setup().MutexUnlock(&l)
		},
		[]string{"WARNING: bad unlock balance in setup"},
	},
	{
		"a softirq that takes a lock which is held with softirqs on",
		func(m *sim.Machine) {
			x := words(m, 1)
			var l sim.SpinLock
			m.Setup().SpinLockInit(&l, "l")
			m.Go("t", func(k *sim.K) {
				x[0].Read(k)
				k.RaiseSoftirq("timer", func(k *sim.K) { k.SpinLock(&l); k.SpinUnlock(&l) })
				k.SpinLock(&l)
				k.SpinUnlock(&l)
			})
		},
		[]string{"inconsistent lock state in t"},
	},
	{
		"a softirq that takes a lock which is held with softirqs off",
		func(m *sim.Machine) {
			x := words(m, 1)
			var l sim.SpinLock
			m.Setup().SpinLockInit(&l, "l")
			m.Go("t", func(k *sim.K) {
				x[0].Read(k)
				k.RaiseSoftirq("timer", func(k *sim.K) { k.SpinLock(&l); k.SpinUnlock(&l) })
				k.SpinLockBH(&l)
				k.SpinUnlockBH(&l)
			})
		},
		nil,
	},
	{
		"preemption left off",
		func(m *sim.Machine) {
			m.Go("t", func(k *sim.K) { k.PreemptDisable() })
		},
		[]string{"BUG: scheduling while atomic in t"},
	},
}

func TestTitles(t *testing.T) {
	for _, test := range titled {
		t.Run(test.name, func(t *testing.T) {
			truth := map[string]int{}
			m := sim.NewMachine()
			defer m.Close()
			for s := new(every); ; {
				if o := m.Record(test.program, s); o.Violation != nil {
					if n, ok := truth[o.Violation.Title]; !ok || o.Preemptions < n {
						truth[o.Violation.Title] = o.Preemptions
					}
				}
				if !s.next() {
					break
				}
			}
			for _, o := range []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 4}} {
				r, err := explore.Run(context.Background(), test.program, o)
				if err != nil {
					t.Fatal(err)
				}
				found := map[string]int{}
				for _, f := range r.Findings {
					found[f.Violation.Title] = f.Preemptions
				}
				if !maps.Equal(found, truth) {
					t.Errorf("%s: found %v, the full search %v", r.Coverage(), found, truth)
				}
			}
			if want := test.want; !slices.Equal(slices.Sorted(maps.Keys(truth)), want) && len(truth)+len(want) > 0 {
				t.Errorf("titles %q, want %q", slices.Sorted(maps.Keys(truth)), want)
			}
		})
	}
}

func TestMistakesOfTheCaller(t *testing.T) {
	for _, o := range []explore.Options{
		{Strategy: explore.Bounded, Preemptions: -1}, {Executions: -1}, {MinimiseExecutions: -1}, {Strategy: "guess"},
	} {
		if _, err := explore.Run(context.Background(), sb(2), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// A budget that is just enough is enough.
func TestBudgetThatIsJustEnough(t *testing.T) {
	r, err := explore.Run(context.Background(), sb(3), explore.Options{Executions: 7})
	if err != nil || !r.Complete || r.Executions != 7 {
		t.Errorf("%s, %v", r.Coverage(), err)
	}
	r, err = explore.Run(context.Background(), sb(3), explore.Options{Executions: 6})
	if err != nil || r.Complete || r.Executions != 6 || r.Verdict() != explore.Inconclusive {
		t.Errorf("%s, %v", r.Coverage(), err)
	}
}
