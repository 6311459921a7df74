package sim_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// A reader is a way to be inside, an updater one to wait for those who are.
type (
	rcuReader struct {
		name string
		read func(k *sim.K, w *rcuWorld, body task)
	}
	rcuUpdater struct {
		name string
		wait func(k *sim.K, w *rcuWorld)
	}
)

// rcuWorld is a world with what updaters and readers of all kinds need.
type rcuWorld struct {
	world
	srcu, second sim.SRCU
	head, next   sim.RCUHead
	p            sim.RCUPointer[sim.Word[int]]
}

// on makes a program of tasks on one kind of kernel.
func on(model sim.RCUModel, observe func(w *rcuWorld), tasks ...func(k *sim.K, w *rcuWorld)) sim.Program {
	return func(m *sim.Machine) {
		m.RCU = model
		k := m.Setup()
		w := &rcuWorld{world: *newWorld(k)}
		k.InitSRCUStruct(&w.srcu, "srcu")
		k.InitSRCUStruct(&w.second, "second")
		w.head.Init(k, "head")
		w.next.Init(k, "next")
		w.in.Init(k, "in", 0)
		k.Born(&w.life, "life")
		w.in.In(&w.life)
		w.p.Init(k, "p", &w.in)
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(w) })
		}
	}
}

var rcuReaders = []rcuReader{
	{"rcu_read_lock", func(k *sim.K, w *rcuWorld, body task) {
		k.RCUReadLock()
		body(k, &w.world)
		k.RCUReadUnlock()
	}},
	{"preempt_disable", func(k *sim.K, w *rcuWorld, body task) {
		k.PreemptDisable()
		body(k, &w.world)
		k.PreemptEnable()
	}},
	{"rcu_read_lock_sched", func(k *sim.K, w *rcuWorld, body task) {
		k.RCUReadLockSched()
		body(k, &w.world)
		k.RCUReadUnlockSched()
	}},
	{"spin_lock", func(k *sim.K, w *rcuWorld, body task) {
		k.SpinLock(&w.spin)
		body(k, &w.world)
		k.SpinUnlock(&w.spin)
	}},
	{"spin_trylock", func(k *sim.K, w *rcuWorld, body task) {
		if k.SpinTrylock(&w.spin) {
			body(k, &w.world)
			k.SpinUnlock(&w.spin)
		}
	}},
	{"local_bh_disable", func(k *sim.K, w *rcuWorld, body task) {
		k.LocalBHDisable()
		body(k, &w.world)
		k.LocalBHEnable()
	}},
	{"rcu_read_lock_bh", func(k *sim.K, w *rcuWorld, body task) {
		k.RCUReadLockBH()
		body(k, &w.world)
		k.RCUReadUnlockBH()
	}},
	{"spin_lock_bh", func(k *sim.K, w *rcuWorld, body task) {
		k.SpinLockBH(&w.spin)
		body(k, &w.world)
		k.SpinUnlockBH(&w.spin)
	}},
	{"softirq", func(k *sim.K, w *rcuWorld, body task) {
		k.RaiseSoftirq("softirq", func(k *sim.K) { body(k, &w.world) })
	}},
	{"local_irq_save", func(k *sim.K, w *rcuWorld, body task) {
		flags := k.LocalIRQSave()
		body(k, &w.world)
		k.LocalIRQRestore(flags)
	}},
	{"spin_lock_irqsave", func(k *sim.K, w *rcuWorld, body task) {
		flags := k.SpinLockIRQSave(&w.spin)
		body(k, &w.world)
		k.SpinUnlockIRQRestore(&w.spin, flags)
	}},
	{"interrupt", func(k *sim.K, w *rcuWorld, body task) {
		k.Interrupt("irq", func(k *sim.K) { body(k, &w.world) })
	}},
	{"rcu_read_lock_trace", func(k *sim.K, w *rcuWorld, body task) {
		k.RCUReadLockTrace()
		body(k, &w.world)
		k.RCUReadUnlockTrace()
	}},
	{"srcu_read_lock", func(k *sim.K, w *rcuWorld, body task) {
		idx := k.SRCUReadLock(&w.srcu)
		body(k, &w.world)
		k.SRCUReadUnlock(&w.srcu, idx)
	}},
	{"srcu_down_read", func(k *sim.K, w *rcuWorld, body task) {
		idx := k.SRCUDownRead(&w.srcu)
		body(k, &w.world)
		k.SRCUUpRead(&w.srcu, idx)
	}},
	{"other code", func(k *sim.K, w *rcuWorld, body task) { body(k, &w.world) }},
}

// called makes a wait of a callback.
func called(call func(k *sim.K, w *rcuWorld, f func(k *sim.K))) func(k *sim.K, w *rcuWorld) {
	return func(k *sim.K, w *rcuWorld) {
		call(k, w, func(k *sim.K) { k.Complete(&w.done) })
		k.WaitForCompletion(&w.done)
	}
}

// rcuUpdaters are the updaters of each flavour, for the columns of the table at
// RCUModel.
var rcuUpdaters = map[string][]rcuUpdater{
	"rcu": {
		{"synchronize_rcu", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCU() }},
		{"synchronize_rcu_expedited", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUExpedited() }},
		{"call_rcu", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallRCU(&w.head, f) })},
		{"call_rcu and rcu_barrier", func(k *sim.K, w *rcuWorld) {
			k.CallRCU(&w.head, func(*sim.K) {})
			k.RCUBarrier()
		}},
		{"cond_synchronize_rcu", func(k *sim.K, _ *rcuWorld) { k.CondSynchronizeRCU(k.GetStateSynchronizeRCU()) }},
		{"cond_synchronize_rcu after start_poll", func(k *sim.K, _ *rcuWorld) { k.CondSynchronizeRCU(k.StartPollSynchronizeRCU()) }},
	},
	"sched": {
		{"synchronize_sched", func(k *sim.K, _ *rcuWorld) { k.SynchronizeSched() }},
		{"synchronize_sched_expedited", func(k *sim.K, _ *rcuWorld) { k.SynchronizeSchedExpedited() }},
		{"call_rcu_sched", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallRCUSched(&w.head, f) })},
		{"call_rcu_sched and rcu_barrier_sched", func(k *sim.K, w *rcuWorld) {
			k.CallRCUSched(&w.head, func(*sim.K) {})
			k.RCUBarrierSched()
		}},
	},
	"bh": {
		{"synchronize_rcu_bh", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUBH() }},
		{"synchronize_rcu_bh_expedited", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUBHExpedited() }},
		{"call_rcu_bh", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallRCUBH(&w.head, f) })},
		{"call_rcu_bh and rcu_barrier_bh", func(k *sim.K, w *rcuWorld) {
			k.CallRCUBH(&w.head, func(*sim.K) {})
			k.RCUBarrierBH()
		}},
	},
	"tasks": {
		{"synchronize_rcu_tasks", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUTasks() }},
		{"call_rcu_tasks", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallRCUTasks(&w.head, f) })},
		{"call_rcu_tasks and rcu_barrier_tasks", func(k *sim.K, w *rcuWorld) {
			k.CallRCUTasks(&w.head, func(*sim.K) {})
			k.RCUBarrierTasks()
		}},
	},
	"rude": {
		{"synchronize_rcu_tasks_rude", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUTasksRude() }},
		{"call_rcu_tasks_rude", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallRCUTasksRude(&w.head, f) })},
		{"call_rcu_tasks_rude and rcu_barrier_tasks_rude", func(k *sim.K, w *rcuWorld) {
			k.CallRCUTasksRude(&w.head, func(*sim.K) {})
			k.RCUBarrierTasksRude()
		}},
	},
	"trace": {
		{"synchronize_rcu_tasks_trace", func(k *sim.K, _ *rcuWorld) { k.SynchronizeRCUTasksTrace() }},
		{"call_rcu_tasks_trace", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallRCUTasksTrace(&w.head, f) })},
		{"call_rcu_tasks_trace and rcu_barrier_tasks_trace", func(k *sim.K, w *rcuWorld) {
			k.CallRCUTasksTrace(&w.head, func(*sim.K) {})
			k.RCUBarrierTasksTrace()
		}},
	},
	"srcu": {
		{"synchronize_srcu", func(k *sim.K, w *rcuWorld) { k.SynchronizeSRCU(&w.srcu) }},
		{"synchronize_srcu_expedited", func(k *sim.K, w *rcuWorld) { k.SynchronizeSRCUExpedited(&w.srcu) }},
		{"call_srcu", called(func(k *sim.K, w *rcuWorld, f func(k *sim.K)) { k.CallSRCU(&w.srcu, &w.head, f) })},
		{"call_srcu and srcu_barrier", func(k *sim.K, w *rcuWorld) {
			k.CallSRCU(&w.srcu, &w.head, func(*sim.K) {})
			k.SRCUBarrier(&w.srcu)
		}},
	},
	"other": {
		{"synchronize_srcu of another domain", func(k *sim.K, w *rcuWorld) { k.SynchronizeSRCU(&w.second) }},
		{"rcu_barrier", func(k *sim.K, _ *rcuWorld) { k.RCUBarrier() }},
		{"srcu_barrier", func(k *sim.K, w *rcuWorld) { k.SRCUBarrier(&w.srcu) }},
		{"nothing", func(*sim.K, *rcuWorld) {}},
	},
}

// rcuTable is the table at RCUModel: by kind of reader, the flavours that wait for
// it, on each kind of kernel.
var rcuTable = map[sim.RCUModel]map[string]string{
	sim.ConsolidatedRCU: {
		"rcu": "rcu sched bh tasks", "preemption": "rcu sched bh rude tasks", "softirqs": "rcu sched bh rude tasks",
		"interrupts": "rcu sched bh rude tasks", "trace": "trace tasks", "srcu": "srcu tasks", "other": "tasks",
	},
	sim.ConsolidatedNonPreemptRCU: {
		"rcu": "rcu sched bh rude tasks", "preemption": "rcu sched bh rude tasks", "softirqs": "rcu sched bh rude tasks",
		"interrupts": "rcu sched bh rude tasks", "trace": "trace tasks", "srcu": "srcu tasks", "other": "tasks",
	},
	sim.PreemptRCU: {
		"rcu": "rcu tasks", "preemption": "sched rude tasks", "softirqs": "sched bh rude tasks",
		"interrupts": "sched bh rude tasks", "trace": "trace tasks", "srcu": "srcu tasks", "other": "tasks",
	},
	sim.ClassicRCU: {
		"rcu": "rcu sched rude tasks", "preemption": "rcu sched rude tasks", "softirqs": "rcu sched bh rude tasks",
		"interrupts": "rcu sched bh rude tasks", "trace": "trace tasks", "srcu": "srcu tasks", "other": "tasks",
	},
}

// column is where a kind of reader stands in the table.
var column = map[string]string{
	"rcu_read_lock": "rcu", "preempt_disable": "preemption", "rcu_read_lock_sched": "preemption", "spin_lock": "preemption",
	"spin_trylock": "preemption", "local_bh_disable": "softirqs", "rcu_read_lock_bh": "softirqs", "spin_lock_bh": "softirqs",
	"softirq": "softirqs", "local_irq_save": "interrupts", "spin_lock_irqsave": "interrupts", "interrupt": "interrupts",
	"rcu_read_lock_trace": "trace", "srcu_read_lock": "srcu", "srcu_down_read": "srcu", "other code": "other",
}

func lookInside(k *sim.K, p *sim.RCUPointer[sim.Word[int]]) {
	if in := p.DereferenceRaw(k); in != nil {
		in.Read(k)
	}
}

// What a reader has found is freed under it if, and only if, the updater does not
// wait for readers of its kind: the whole table, with every verb.
func TestRCUWaitsForTheReadersOfItsFlavour(t *testing.T) {
	for model, rows := range rcuTable {
		for flavour, updaters := range rcuUpdaters {
			for _, u := range updaters {
				for _, r := range rcuReaders {
					waits := slices.Contains(strings.Fields(rows[column[r.name]]), flavour)
					result, err := explore.Run(t.Context(), on(model, nil,
						func(k *sim.K, w *rcuWorld) {
							r.read(k, w, func(k *sim.K, _ *world) { lookInside(k, &w.p) })
						},
						func(k *sim.K, w *rcuWorld) {
							w.p.Assign(k, nil)
							u.wait(k, w)
							k.Kfree(&w.life)
						}), explore.Options{MinimiseExecutions: 1})
					if err != nil || !result.Complete {
						t.Fatal(err)
					}
					found := len(result.Findings) > 0
					if found && (len(result.Findings) > 1 || result.Findings[0].Violation.Kind != sim.UseAfterFree) {
						t.Errorf("model %d, %s against %s: %v", model, u.name, r.name, result.Findings[0].Violation)
					}
					if found == waits {
						t.Errorf("model %d: %s waits for %s: %t, want %t", model, u.name, r.name, !found, waits)
					}
				}
			}
		}
	}
}

// A grace period waits for the readers that are there when it begins, and not for
// those that come later: the word is 1 while the reader is inside.
func TestRCUDoesNotWaitForLaterReaders(t *testing.T) {
	for _, test := range []struct {
		reader  int
		updater string
	}{{0, "rcu"}, {1, "rcu"}, {1, "sched"}, {6, "bh"}, {11, "rude"}, {12, "trace"}, {13, "srcu"}, {14, "srcu"}, {15, "tasks"}} {
		for _, u := range rcuUpdaters[test.updater] {
			r := rcuReaders[test.reader]
			t.Run(u.name+" and "+r.name, func(t *testing.T) {
				var got []string
				result := search(t, on(sim.ConsolidatedRCU, func(w *rcuWorld) { got = append(got, seen(2)(&w.world)) },
					func(k *sim.K, w *rcuWorld) {
						r.read(k, w, func(k *sim.K, w *world) {
							w.x.Write(k, 1)
							w.x.Write(k, 2)
						})
					},
					func(k *sim.K, w *rcuWorld) {
						w.seen[0] = w.x.Read(k)
						u.wait(k, w)
						w.seen[1] = w.x.Read(k)
					}))
				for _, f := range result.Findings {
					t.Error(f.Violation)
				}
				slices.Sort(got)
				if want := []string{"0 0", "0 1", "0 2", "1 2", "2 2"}; !slices.Equal(slices.Compact(got), want) {
					t.Errorf("the reader's progress before and after is %q, want %q", slices.Compact(got), want)
				}
			})
		}
	}
}

// Each of N readers is over when the grace period begins, or inside, or yet to
// come: 3^N traces, one execution each, whatever the flavour.
func TestRCUTraces(t *testing.T) {
	empty := func(*sim.K, *world) {}
	count := func(t *testing.T, want int, tasks ...func(k *sim.K, w *rcuWorld)) {
		t.Helper()
		r := search(t, on(sim.ConsolidatedRCU, nil, tasks...))
		if r.Executions != want || r.Blocked != 0 || r.Varying || len(r.Findings) > 0 {
			t.Errorf("%s, varying: %t, want %d", r.Coverage(), r.Varying, want)
		}
	}
	for _, test := range []struct {
		reader  int
		updater string
		most    int
	}{{0, "rcu", 5}, {1, "rcu", 4}, {1, "sched", 3}, {9, "rude", 3}, {11, "rcu", 3}, {12, "trace", 4}, {13, "srcu", 4}, {14, "srcu", 4}} {
		for n := range test.most + 1 {
			tasks := []func(k *sim.K, w *rcuWorld){rcuUpdaters[test.updater][0].wait}
			for range n {
				tasks = append(tasks, func(k *sim.K, w *rcuWorld) { rcuReaders[test.reader].read(k, w, empty) })
			}
			t.Run(fmt.Sprint(rcuReaders[test.reader].name, " ", n), func(t *testing.T) {
				count(t, int(math.Pow(3, float64(n))), tasks...)
			})
		}
	}
	// Two that wait do not depend on each other.
	wait, read := rcuUpdaters["rcu"][0].wait, func(k *sim.K, w *rcuWorld) { rcuReaders[0].read(k, w, empty) }
	t.Run("two updaters", func(t *testing.T) {
		count(t, 1, wait, wait)
		count(t, 9, wait, wait, read)
		count(t, 27, wait, wait, wait, read)
	})
	t.Run("two readers in turn", func(t *testing.T) { count(t, 5, wait, func(k *sim.K, w *rcuWorld) { read(k, w); read(k, w) }) })
	t.Run("a nested reader", func(t *testing.T) {
		count(t, 3, wait, func(k *sim.K, w *rcuWorld) {
			rcuReaders[0].read(k, w, func(k *sim.K, _ *world) { read(k, w); rcuReaders[1].read(k, w, empty) })
		})
	})
	call := func(k *sim.K, w *rcuWorld) { k.CallRCU(&w.head, func(*sim.K) {}) }
	t.Run("a callback", func(t *testing.T) {
		count(t, 3, call, read)
		count(t, 9, call, read, read)
	})
}

// The argument of 2005: where rcu_read_lock is preempt_disable, a probe handler
// under the one may be waited for by synchronize_sched; where it is not, not.
func TestRCUReadLockIsNoSchedReaderWherePreemptible(t *testing.T) {
	for model, want := range map[sim.RCUModel]bool{
		sim.ClassicRCU: false, sim.PreemptRCU: true, sim.ConsolidatedRCU: false, sim.ConsolidatedNonPreemptRCU: false,
	} {
		p := func(bounded explore.Options) {
			r, err := explore.Run(t.Context(), on(model, nil, handler, unregister), bounded)
			if err != nil || !r.Complete {
				t.Fatal(err, r.Coverage())
			}
			if (len(r.Findings) > 0) != want {
				t.Errorf("model %d: %s, use after free: %t, want %t", model, r.Coverage(), !want, want)
			}
			for _, f := range r.Findings {
				if f.Violation.Title != "KASAN: slab-use-after-free Read in handler" {
					t.Error(f.Violation)
				}
			}
		}
		p(explore.Options{SelfCheck: true})
		p(explore.Options{Strategy: explore.Bounded, Preemptions: 30})
	}
}

func handler(k *sim.K, w *rcuWorld) {
	k.RCUReadLock()
	if p := w.p.Dereference(k); p != nil {
		p.Read(k)
	}
	k.RCUReadUnlock()
}

func unregister(k *sim.K, w *rcuWorld) {
	w.p.Assign(k, nil)
	k.SynchronizeSched()
	k.Kfree(&w.life)
}

// A pointer that was loaded before the region, and then used in it only as plain
// data or after it, is not protected.
func TestRCURegionBeginsWhereItIsWritten(t *testing.T) {
	update := func(k *sim.K, w *rcuWorld) {
		w.x.Write(k, 1)
		k.SynchronizeRCU()
		w.data.Set(k, 1)
	}
	for _, r := range rcuReaders[:12] {
		before := search(t, on(sim.ConsolidatedRCU, nil, update, func(k *sim.K, w *rcuWorld) {
			if w.x.Read(k) == 0 {
				r.read(k, w, func(k *sim.K, w *world) { w.data.Get(k) })
			}
		}))
		if len(before.Findings) != 1 || before.Findings[0].Violation.Kind != sim.DataRace {
			t.Errorf("%s after the load: %v", r.name, before.Findings)
		}
		within := search(t, on(sim.ConsolidatedRCU, nil, update, func(k *sim.K, w *rcuWorld) {
			r.read(k, w, func(k *sim.K, w *world) {
				if w.x.Read(k) == 0 {
					w.data.Get(k)
				}
			})
		}))
		if len(within.Findings) != 0 {
			t.Errorf("%s around the load: %v", r.name, within.Findings[0].Violation)
		}
		if r.name == "interrupt" || r.name == "softirq" {
			continue
		}
		after := search(t, on(sim.ConsolidatedRCU, nil, update, func(k *sim.K, w *rcuWorld) {
			old := 1
			r.read(k, w, func(k *sim.K, w *world) { old = w.x.Read(k) })
			if old == 0 {
				w.data.Get(k)
			}
		}))
		if len(after.Findings) != 1 || after.Findings[0].Violation.Kind != sim.DataRace {
			t.Errorf("%s that ends before the use: %v", r.name, after.Findings)
		}
	}
}

// Regions of one task that overlap are one.
func TestRCURegionsThatOverlapAreOne(t *testing.T) {
	show := func(w *rcuWorld) string { return seen(2)(&w.world) }
	var got []string
	search(t, on(sim.ConsolidatedRCU, func(w *rcuWorld) { got = append(got, show(w)) },
		func(k *sim.K, w *rcuWorld) {
			k.PreemptDisable()
			w.x.Write(k, 1)
			k.RCUReadLock()
			k.PreemptEnable()
			w.x.Write(k, 2)
			k.RCUReadUnlock()
		},
		func(k *sim.K, w *rcuWorld) {
			w.seen[0] = w.x.Read(k)
			k.SynchronizeRCU()
			w.seen[1] = w.x.Read(k)
		}))
	slices.Sort(got)
	if want := []string{"0 0", "0 1", "0 2", "1 2", "2 2"}; !slices.Equal(slices.Compact(got), want) {
		t.Errorf("%q, want %q", slices.Compact(got), want)
	}
}

// RCU Tasks waits until a task has slept, or has said as much, or might have slept.
func TestRCUTasksWaitsForSleep(t *testing.T) {
	for _, test := range []struct {
		name string
		rest func(k *sim.K, w *rcuWorld)
		want []string
	}{
		{"nothing", func(*sim.K, *rcuWorld) {}, []string{"0 0", "0 1", "0 2", "1 2", "2 2"}},
		{"preempt_disable", func(k *sim.K, _ *rcuWorld) { k.PreemptDisable(); k.PreemptEnable() }, []string{"0 0", "0 1", "0 2", "1 2", "2 2"}},
		{"cond_resched_tasks_rcu_qs", func(k *sim.K, _ *rcuWorld) { k.CondReschedTasksRCUQS() }, []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}},
		{"mutex_lock", func(k *sim.K, w *rcuWorld) { k.MutexLock(&w.a); k.MutexUnlock(&w.a) }, []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			r := search(t, on(sim.ConsolidatedRCU, func(w *rcuWorld) { got = append(got, seen(2)(&w.world)) },
				func(k *sim.K, w *rcuWorld) {
					w.x.Write(k, 1)
					test.rest(k, w)
					w.x.Write(k, 2)
				},
				func(k *sim.K, w *rcuWorld) {
					w.seen[0] = w.x.Read(k)
					k.SynchronizeRCUTasks()
					w.seen[1] = w.x.Read(k)
				}))
			slices.Sort(got)
			if !slices.Equal(slices.Compact(got), test.want) || len(r.Findings) > 0 {
				t.Errorf("%q, want %q, %v", slices.Compact(got), test.want, r.Findings)
			}
		})
	}
	// A task that sleeps is not waited for, or this would hang.
	r := search(t, on(sim.ConsolidatedRCU, nil,
		func(k *sim.K, w *rcuWorld) { w.x.Read(k); k.WaitForCompletion(&w.done) },
		func(k *sim.K, w *rcuWorld) {
			w.x.Read(k)
			k.WaitEvent(&w.queue, func() bool { return w.y.Read(k) == 1 })
		},
		func(k *sim.K, w *rcuWorld) {
			k.SynchronizeRCUTasks()
			k.Complete(&w.done)
			w.y.Write(k, 1)
			k.WakeUp(&w.queue)
		}))
	if len(r.Findings) > 0 {
		t.Error(r.Findings[0].Violation, r.Findings[0].Violation.Waits)
	}
}

func TestRCUPolled(t *testing.T) {
	var got []string
	r := search(t, on(sim.ConsolidatedRCU, func(w *rcuWorld) { got = append(got, seen(3)(&w.world)) },
		func(k *sim.K, w *rcuWorld) { k.SynchronizeRCU() },
		func(k *sim.K, w *rcuWorld) {
			k.RCUReadLock()
			w.seen[0] = 1
			w.x.Read(k)
			k.RCUReadUnlock()
			w.seen[0] = 2
		},
		func(k *sim.K, w *rcuWorld) {
			c := k.GetStateSynchronizeRCU()
			for i := range 2 {
				if k.PollStateSynchronizeRCU(c) {
					w.seen[1+i] = 1
				}
			}
		}))
	for i := range got {
		got[i] = got[i][2:]
	}
	slices.Sort(got)
	if want := []string{"0 0", "0 1", "1 1"}; !slices.Equal(slices.Compact(got), want) || len(r.Findings) > 0 {
		t.Errorf("polls say %q, want %q", slices.Compact(got), want)
	}
}

// A region that a step enters by the way is known before the step is taken, and
// once a machine watches regions it does so in every execution.
func TestRCURegionIsKnownBeforehand(t *testing.T) {
	for _, r := range rcuReaders {
		m := sim.NewMachine()
		p := on(sim.PreemptRCU, nil,
			func(k *sim.K, _ *rcuWorld) { k.SynchronizeSched(); k.SynchronizeRCUBH(); k.SynchronizeRCUTasks() },
			func(k *sim.K, w *rcuWorld) {
				r.read(k, w, func(k *sim.K, w *world) { w.x.Read(k); w.y.Read(k) })
			})
		var pending []sim.Access
		o := m.Run(p, sim.StrategyFunc(func(*sim.Machine, *sim.Point) int { return 0 }))
		learnt := 0
		for ; o.Learnt; learnt++ {
			o = m.Run(p, sim.StrategyFunc(func(m *sim.Machine, p *sim.Point) int {
				if n := len(m.Events()); n > 0 {
					e := &m.Events()[n-1]
					same := func(a, b sim.Access) bool { return a.Obj == b.Obj && a.Mode == b.Mode }
					if known := m.Accesses(e)[:e.Known]; !slices.EqualFunc(pending, known, same) {
						t.Errorf("%s: %s was to use %v and used %v", r.name, e.Op, pending, known)
					}
				}
				pending = m.Pending(p.Tasks[0], pending[:0])
				return 0
			}))
		}
		if o.Violation != nil || learnt != 3 {
			t.Errorf("%s: %v, learnt %d times, want 3", r.name, o.Violation, learnt)
		}
		m.Close()
	}
}
