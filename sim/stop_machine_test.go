package sim_test

import (
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
