package explore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// The law of deferred work: on drawn programs of timers, work items, kernel
// threads, sleeps and modules the searches see what a search without any reduction
// sees.

// deferredVerbs are what such a program is drawn from. Their order is that of the
// cases of deferredLaw.act.
var deferredVerbs = []string{
	"read", "xchg", "mod_timer", "timer_delete", "timer_delete_sync", "timer_pending", "queue", "queue2", "queue_ordered", "queue_ordered2",
	"queue_delayed", "mod_delayed", "cancel", "cancel_sync", "cancel_delayed_sync", "flush", "flush_wq", "flush_ordered", "drain",
	"kthread", "kthread_stop", "wait_timeout", "wait_exclusive", "wake", "wake_all", "wait_bare", "wake_process", "signal",
	"completion_timeout", "complete", "reinit", "try_wait", "task_work", "return_to_user", "call", "call_safely", "unload",
}

// deferredLaw is the world of such a program.
type deferredLaw struct {
	x       [2]sim.Word[int]
	timer   sim.Timer
	work    [2]sim.Work
	ordered [2]sim.Work
	delayed sim.DelayedWork
	wq      sim.Workqueue
	serial  sim.Workqueue
	thread  sim.Kthread
	queue   sim.WaitQueue
	done    sim.Completion
	modules sim.Modules
	mod     sim.Module
	tasks   [2]*sim.K
	log     map[string][]int
}

func (w *deferredLaw) saw(k *sim.K, v int) { w.log[k.Name()] = append(w.log[k.Name()], v) }

func (w *deferredLaw) sawBool(k *sim.K, b bool) {
	v := 0
	if b {
		v = 1
	}
	w.saw(k, v)
}

// deferredDraw is a drawn program: what two tasks do, and what a handler does.
type deferredDraw struct {
	tasks [2][]string
	again bool // the timer arms itself, or the item queues itself
}

func (d deferredDraw) program(observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &deferredLaw{log: map[string][]int{}}
		for i := range w.x {
			w.x[i].Init(k, fmt.Sprint("x", i), 0)
		}
		bump := func(i, v int) func(k *sim.K) {
			return func(k *sim.K) { w.saw(k, w.x[i].Xchg(k, v)) }
		}
		k.AllocWorkqueue(&w.wq, "wq")
		k.AllocOrderedWorkqueue(&w.serial, "serial")
		k.TimerSetup(&w.timer, "tick", func(k *sim.K) {
			bump(0, 2)(k)
			if d.again {
				k.ModTimer(&w.timer)
			}
		})
		for i := range w.work {
			k.InitWork(&w.work[i], fmt.Sprint("work", i), bump(i, 3))
			k.InitWork(&w.ordered[i], fmt.Sprint("ordered", i), bump(i, 4+i))
		}
		k.InitDelayedWork(&w.delayed, "delayed", bump(0, 6))
		k.KthreadCreate(&w.thread, "thread", func(k *sim.K) int {
			k.SetCurrentState(sim.TaskInterruptible)
			if !k.KthreadShouldStop(&w.thread) {
				k.Schedule(nil)
			}
			return w.x[0].Read(k)
		})
		k.InitWaitqueueHead(&w.queue, "queue")
		k.InitCompletion(&w.done, "done")
		k.InitModules(&w.modules)
		_ = k.LoadModule(&w.modules, &w.mod, "mod", nil, nil)
		for i, verbs := range d.tasks {
			name := fmt.Sprint("t", i)
			m.Daemon(name, func(k *sim.K) {
				w.tasks[i] = k
				w.x[i].Read(k)
				for _, v := range verbs {
					w.act(k, v, w.tasks[1-i])
				}
			})
		}
		m.After(func(*sim.K) { observe(fmt.Sprint(w.x[0].Peek(), w.x[1].Peek(), w.log)) })
	}
}

func (w *deferredLaw) act(k *sim.K, verb string, other *sim.K) {
	isSet := func() bool { return w.x[1].Read(k) != 0 }
	switch verb {
	case "read":
		w.saw(k, w.x[0].Read(k))
	case "xchg":
		w.saw(k, w.x[1].Xchg(k, 1))
	case "mod_timer":
		w.sawBool(k, k.ModTimer(&w.timer))
	case "timer_delete":
		w.sawBool(k, k.TimerDelete(&w.timer))
	case "timer_delete_sync":
		w.sawBool(k, k.TimerDeleteSync(&w.timer))
	case "timer_pending":
		w.sawBool(k, k.TimerPending(&w.timer))
	case "queue":
		w.sawBool(k, k.QueueWork(&w.wq, &w.work[0]))
	case "queue2":
		w.sawBool(k, k.QueueWork(&w.wq, &w.work[1]))
	case "queue_ordered":
		w.sawBool(k, k.QueueWork(&w.serial, &w.ordered[0]))
	case "queue_ordered2":
		w.sawBool(k, k.QueueWork(&w.serial, &w.ordered[1]))
	case "queue_delayed":
		w.sawBool(k, k.QueueDelayedWork(&w.wq, &w.delayed))
	case "mod_delayed":
		w.sawBool(k, k.ModDelayedWork(&w.wq, &w.delayed))
	case "cancel":
		w.sawBool(k, k.CancelWork(&w.work[0]))
	case "cancel_sync":
		w.sawBool(k, k.CancelWorkSync(&w.ordered[0]))
	case "cancel_delayed_sync":
		w.sawBool(k, k.CancelDelayedWorkSync(&w.delayed))
	case "flush":
		w.sawBool(k, k.FlushWork(&w.work[0]))
	case "flush_wq":
		k.FlushWorkqueue(&w.wq)
	case "flush_ordered":
		k.FlushWorkqueue(&w.serial)
	case "drain":
		k.DrainWorkqueue(&w.wq)
	case "kthread":
		k.WakeUpKthread(&w.thread)
	case "kthread_stop":
		w.saw(k, k.KthreadStop(&w.thread))
	case "wait_timeout": // under sc, wait_event does not look before it queues
		w.sawBool(k, isSet() || k.WaitEventTimeout(&w.queue, isSet))
	case "wait_exclusive":
		if !isSet() {
			k.WaitEventExclusive(&w.queue, isSet)
		}
	case "wake":
		k.WakeUp(&w.queue)
	case "wake_all":
		k.WakeUpAll(&w.queue)
	case "wait_bare":
		k.SetCurrentState(sim.TaskInterruptible)
		if !isSet() {
			w.sawBool(k, k.ScheduleTimeout(nil))
		}
	case "wake_process":
		w.sawBool(k, k.WakeUpProcess(other))
	case "signal":
		k.SendSignal(other)
	case "completion_timeout":
		w.sawBool(k, k.WaitForCompletionTimeout(&w.done))
	case "complete":
		k.Complete(&w.done)
	case "reinit":
		k.ReinitCompletion(&w.done)
	case "try_wait":
		w.sawBool(k, k.TryWaitForCompletion(&w.done))
	case "task_work":
		w.sawBool(k, k.TaskWorkAdd(other, func(k *sim.K) { w.saw(k, w.x[0].Read(k)) }) == nil)
	case "return_to_user":
		k.ReturnToUser()
	case "call":
		w.mod.Call(k, func(k *sim.K) { w.saw(k, w.x[0].Read(k)) })
	case "call_safely":
		if k.TryModuleGet(&w.mod) {
			w.mod.Call(k, func(k *sim.K) { w.saw(k, w.x[0].Read(k)) })
			k.ModulePut(&w.mod)
		}
	case "unload":
		w.sawBool(k, k.DeleteModule(&w.mod) == nil)
	default:
		panic("no verb " + verb)
	}
}

// reference visits every execution of a program.
func reference(p func(observe func(string)) sim.Program, most int) (ends, titles map[string]bool, ok bool) {
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	ends, titles = map[string]bool{}, map[string]bool{}
	known := map[uint64]bool{}
	end := ""
	program := p(func(e string) { end = e })
	s := new(every)
	for n := 0; n < most; n++ {
		o := m.Run(program, s)
		switch {
		case o.Learnt:
			s = new(every)
			continue
		case o.Violation != nil:
			if v := o.Violation; !known[v.Key] || v.Kind == sim.DataRace {
				known[v.Key] = true
				titles[title(second.Record(program, sim.NewReplay(m.Schedule())).Violation)] = true
			}
		default:
			ends[end] = true
		}
		if !s.next() {
			return ends, titles, true
		}
	}
	return nil, nil, false
}

// mostDeferred bounds the programs that the reference is asked about.
const mostDeferred = 1500

func TestSearchesSeeDeferredWork(t *testing.T) {
	searchesSee(t, []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 20}, {Strategy: explore.States, SelfCheck: true, MinimiseExecutions: 1}})
}

// TestGraphsSeeDeferredWork does so for the search by execution graphs. Every store of
// these programs is an xchg, so the loads of tso see what those of sc see; but tasks are
// spawned, sleep and are woken while others wait for them.
func TestGraphsSeeDeferredWork(t *testing.T) {
	searchesSee(t, []explore.Options{{SelfCheck: true, Memory: memory.TSO}})
}

// searchesSee draws programs of deferred work, and compares searches with the reference.
func searchesSee(t *testing.T, searches []explore.Options) {
	checked := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := deferredDraw{again: rapid.Bool().Draw(rt, "again")}
		for i := range d.tasks {
			d.tasks[i] = rapid.SliceOfN(rapid.SampledFrom(deferredVerbs), 1, 3).Draw(rt, fmt.Sprint("t", i))
		}
		ends, titles, ok := reference(d.program, mostDeferred)
		if !ok {
			return
		}
		checked++
		for _, o := range searches {
			gotEnds, gotTitles := map[string]bool{}, map[string]bool{}
			r, err := explore.Run(context.Background(), d.program(func(e string) { gotEnds[e] = true }), o)
			if err != nil {
				rt.Fatalf("%s: %v: %+v", o.Strategy, err, d)
			}
			if !r.Complete {
				rt.Fatalf("%s: %+v", r.Coverage(), d)
			}
			for _, f := range r.Findings {
				gotTitles[title(f.Violation)] = true
			}
			if !maps.Equal(gotTitles, titles) {
				rt.Errorf("%s: titles %q, want %q: %+v", o.Strategy, slices.Sorted(maps.Keys(gotTitles)), slices.Sorted(maps.Keys(titles)), d)
			}
			if !maps.Equal(gotEnds, ends) {
				rt.Errorf("%s: end states %q, want %q: %+v", o.Strategy, slices.Sorted(maps.Keys(gotEnds)), slices.Sorted(maps.Keys(ends)), d)
			}
		}
	})
	if checked == 0 {
		t.Error("every program was too large for the reference")
	}
}
