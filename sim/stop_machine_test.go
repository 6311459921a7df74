package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
)

// While the function runs nobody else takes a step, other than a non-maskable
// interrupt; and it does not run inside a section.
func TestStopMachineStopsEverything(t *testing.T) {
	stopper := onCPU{0, func(k *sim.K, w *world) {
		k.StopMachine(func(k *sim.K) { w.seen[0], w.seen[1] = w.x.Read(k), w.x.Read(k) })
	}}
	twice := func(k *sim.K, w *world) { w.x.Xchg(k, 1); w.x.Xchg(k, 2) }
	anywhere, whole := []string{"0 0", "1 1", "2 2"}, []string{"0 0", "2 2"}
	for _, cpu := range []int{0, 1, alone} {
		wantEndsOn(t, "a task", seen(2), anywhere, stopper, onCPU{cpu, twice}, onCPU{alone, idle})
		for _, s := range []section{preemptOff, bhOff, irqsOff} {
			wantEndsOn(t, s.name, seen(2), whole, stopper, onCPU{cpu, s.around(twice)}, onCPU{alone, idle})
		}
	}
	for _, by := range raisers {
		want := whole
		if by.name == "nmi" {
			want = []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}
		}
		wantEndsOn(t, by.name, seen(2), want, stopper, onCPU{1, func(k *sim.K, w *world) {
			by.raise(k, 1, by.name, func(k *sim.K) { twice(k, w) })
		}}, onCPU{alone, idle})
	}
}

// What runs on no CPU of its own is stopped as well: handlers of interrupts that are
// aimed at none, timers, and callbacks of RCU, also if they come while the CPUs are
// being stopped.
func TestStopMachineStopsTheRest(t *testing.T) {
	stopper := onCPU{0, func(k *sim.K, w *world) {
		k.StopMachine(func(k *sim.K) { w.seen[0], w.seen[1] = w.x.Read(k), w.x.Read(k) })
	}}
	for name, later := range map[string]func(k *sim.K, f func(k *sim.K)){
		"irq":     func(k *sim.K, f func(k *sim.K)) { k.Interrupt("irq", f) },
		"softirq": func(k *sim.K, f func(k *sim.K)) { k.RaiseSoftirq("softirq", f) },
		"timer": func(k *sim.K, f func(k *sim.K)) {
			var timer sim.Timer
			k.TimerSetup(&timer, "timer", f)
			k.ModTimer(&timer)
		},
		"callback": func(k *sim.K, f func(k *sim.K)) {
			h := new(sim.RCUHead)
			h.Init(k, "head")
			k.CallRCU(h, f)
		},
	} {
		wantEndsOn(t, name, seen(2), []string{"0 0", "2 2"}, stopper, onCPU{1, func(k *sim.K, w *world) {
			w.x.Xchg(k, 0) // so that it comes while others are at work
			later(k, func(k *sim.K) { w.x.Xchg(k, 1); w.x.Xchg(k, 2) })
		}}, onCPU{alone, func(*sim.K, *world) {}})
	}
}

// Two calls come one after the other, and both come to their end while IPIs cross
// them.
func TestStopMachineTwice(t *testing.T) {
	stop := func(k *sim.K, w *world) {
		k.StopMachine(func(k *sim.K) { increment(k, w) })
	}
	breaks(t, "two", sim.Kind{}, onCPU{0, stop}, onCPU{1, stop}, onCPU{alone, idle})
	count := func(w *world) func(k *sim.K) { return func(k *sim.K) { w.x.Xchg(k, 1); w.seen[0]++ } }
	wantEndsOn(t, "an IPI", seen(1), []string{"4"},
		onCPU{0, func(k *sim.K, w *world) { k.StopMachine(count(w)) }},
		onCPU{1, func(k *sim.K, w *world) { k.OnEachCPU(count(w), true) }},
		onCPU{alone, func(*sim.K, *world) {}})
}

// The function is ordered with everything before and after it.
func TestStopMachineOrdersData(t *testing.T) {
	set := func(k *sim.K, w *world) { w.data.Set(k, w.data.Get(k)+1) }
	stopper := onCPU{0, func(k *sim.K, w *world) {
		set(k, w)
		k.StopMachine(func(k *sim.K) { set(k, w) })
		set(k, w)
	}}
	breaks(t, "the caller", sim.Kind{}, stopper, onCPU{1, idle}, onCPU{alone, idle})
	breaks(t, "a section", sim.Kind{}, onCPU{0, func(k *sim.K, w *world) {
		k.StopMachine(func(k *sim.K) { set(k, w) })
	}}, onCPU{1, preemptOff.around(set)}, onCPU{alone, idle})
}

// What the setup has asked for comes on the rest as well, and is stopped there.
func TestTimersOfTheSetupShareTheRest(t *testing.T) {
	var all []string
	r := search(t, func(m *sim.Machine) {
		m.ShareCPUs()
		w := newWorld(m.Setup())
		var (
			timer sim.Timer
			wq    sim.Workqueue
			work  sim.DelayedWork
		)
		m.Setup().TimerSetup(&timer, "timer", func(k *sim.K) { w.x.Xchg(k, 1); w.x.Xchg(k, 2) })
		m.Setup().ModTimer(&timer)
		m.Setup().AllocWorkqueue(&wq, "wq")
		m.Setup().InitDelayedWork(&work, "work", func(k *sim.K) { w.seen[0]++ })
		m.Setup().QueueDelayedWork(&wq, &work)
		m.GoOn(0, "stopper", func(k *sim.K) {
			k.StopMachine(func(k *sim.K) { w.seen[1] = w.x.Read(k) })
		})
		m.After(func(*sim.K) { all = append(all, fmt.Sprint(w.x.Peek(), w.seen[0], w.seen[1])) })
	})
	slices.Sort(all)
	if got := slices.Compact(all); len(r.Findings) > 0 || !slices.Equal(got, []string{"2 1 0", "2 1 2"}) {
		t.Errorf("%q, %v", got, r.Findings)
	}
}
