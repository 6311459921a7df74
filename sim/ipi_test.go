package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
)

// idle is a task that is there for its CPU.
func idle(k *sim.K, w *world) { w.y.Read(k) }

func TestIPIRunsOnItsCPU(t *testing.T) {
	all := func(w *world) string { return fmt.Sprint(w.seen) }
	call := func(f func(k *sim.K, do func(k *sim.K))) onCPU {
		return onCPU{0, func(k *sim.K, w *world) {
			f(k, func(k *sim.K) {
				if !k.IRQsDisabled() || sim.CPU(k) != 0 && k.Context() != sim.HardIRQ {
					panic("the function runs with interrupts on")
				}
				w.seen[sim.CPU(k)]++
			})
		}}
	}
	others := []onCPU{{1, idle}, {alone, idle}}
	for _, c := range []struct {
		name string
		want string
		f    func(k *sim.K, do func(k *sim.K))
	}{
		{"one", "[0 1 0 0]", func(k *sim.K, do func(k *sim.K)) { k.SmpCallFunctionSingle(1, do, true) }},
		{"of nobody", "[0 0 1 0]", func(k *sim.K, do func(k *sim.K)) { k.SmpCallFunctionSingle(2, do, false) }},
		{"itself", "[1 0 0 0]", func(k *sim.K, do func(k *sim.K)) { k.SmpCallFunctionSingle(0, do, true) }},
		{"others", "[0 1 1 0]", func(k *sim.K, do func(k *sim.K)) { k.SmpCallFunction(do, true) }},
		{"all", "[1 1 1 0]", func(k *sim.K, do func(k *sim.K)) { k.OnEachCPU(do, true) }},
		{"all, without waiting", "[1 1 1 0]", func(k *sim.K, do func(k *sim.K)) { k.OnEachCPU(do, false) }},
		{"some", "[0 1 0 0]", func(k *sim.K, do func(k *sim.K)) {
			k.PreemptDisable()
			k.SmpCallFunctionMany([]int{0, 1}, do, true)
			k.PreemptEnable()
		}},
		{"the rest, when there is something", "[1 1 1 1]", func(k *sim.K, do func(k *sim.K)) {
			k.Interrupt("irq", func(*sim.K) {})
			k.OnEachCPU(do, true)
		}},
	} {
		wantEndsOn(t, c.name, all, []string{c.want}, append([]onCPU{call(c.f)}, others...)...)
	}
}

// The setup has one CPU, on which it runs the function at once.
func TestIPIInTheSetup(t *testing.T) {
	n := 0
	undisturbed(t, func(m *sim.Machine) {
		m.Setup().OnEachCPU(func(*sim.K) { n++ }, true)
		m.Setup().StopMachine(func(*sim.K) { n++ })
	})
	if n != 2 {
		t.Errorf("the functions ran %d times, want once each", n)
	}
}

// An IPI comes between any two steps of a task with interrupts on, whether the
// task is bound or not.
func TestIPIWaitsForInterrupts(t *testing.T) {
	read := func(k *sim.K, w *world) { w.seen[0], w.seen[1] = w.x.Read(k), w.x.Read(k) }
	for _, cpu := range []int{1, alone} {
		for _, c := range []struct {
			s    section
			want []string
		}{
			{nothing, []string{"0 0", "0 1", "1 1"}},
			{preemptOff, []string{"0 0", "0 1", "1 1"}},
			{irqsOff, []string{"0 0", "1 1"}},
		} {
			wantEndsOn(t, c.s.name, seen(2), c.want,
				onCPU{0, func(k *sim.K, w *world) {
					k.SmpCallFunctionSingle(1, func(k *sim.K) { w.x.Xchg(k, 1) }, true)
				}},
				onCPU{cpu, c.s.around(read)}, onCPU{alone, idle})
		}
	}
}

// What comes before the call comes before the function, and the function before
// what comes after a call that waits.
func TestIPIOrdersData(t *testing.T) {
	for _, c := range []struct {
		name string
		wait bool
		want sim.Kind
	}{{"waits", true, sim.Kind{}}, {"does not wait", false, sim.DataRace}} {
		breaks(t, c.name, c.want, onCPU{0, func(k *sim.K, w *world) {
			w.data.Set(k, 1)
			k.SmpCallFunctionSingle(1, func(k *sim.K) { w.data.Set(k, w.data.Get(k)+1) }, c.wait)
			if w.data.Get(k) != 2 && c.wait {
				panic("the function has not run")
			}
		}}, onCPU{1, idle}, onCPU{alone, idle})
	}
	// It also comes after what its CPU has done with interrupts off.
	breaks(t, "after a section", sim.Kind{},
		onCPU{0, func(k *sim.K, w *world) {
			k.SmpCallFunctionSingle(1, func(k *sim.K) { w.data.Set(k, 1) }, true)
		}},
		onCPU{1, irqsOff.around(func(k *sim.K, w *world) { w.data.Set(k, 2) })}, onCPU{alone, idle})
}

// Calls to one CPU are served in their order, but those first that somebody waits
// for.
func TestIPIOrder(t *testing.T) {
	send := func(k *sim.K, w *world, n int, wait bool) {
		k.SmpCallFunctionSingle(1, func(k *sim.K) { digit(k, w, n) }, wait)
	}
	wantEndsOn(t, "two", seen(1), []string{"12"}, onCPU{0, func(k *sim.K, w *world) {
		send(k, w, 1, false)
		send(k, w, 2, false)
	}}, onCPU{1, idle}, onCPU{alone, idle})
	wantEndsOn(t, "one that waits", seen(1), []string{"12", "21"}, onCPU{0, func(k *sim.K, w *world) {
		send(k, w, 1, false)
		send(k, w, 2, true)
	}}, onCPU{1, idle}, onCPU{alone, idle})
}

// An interrupt that is aimed at no CPU has interrupts off like any other: who
// waits for all CPUs waits for it.
func TestIPIWaitsForTheRest(t *testing.T) {
	twice := func(w *world) func(*sim.K) { return func(k *sim.K) { w.x.Xchg(k, 1); w.x.Xchg(k, 2) } }
	look := func(wait func(k *sim.K)) onCPU {
		return onCPU{1, func(k *sim.K, w *world) {
			w.seen[0] = w.x.Read(k)
			wait(k)
			w.seen[1] = w.x.Read(k)
		}}
	}
	all := []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}
	waited := []string{"0 0", "0 1", "0 2", "1 2", "2 2"}
	ipi := look(func(k *sim.K) { k.OnEachCPU(func(*sim.K) {}, true) })
	stop := look(func(k *sim.K) { k.StopMachine(func(*sim.K) {}) })
	irq := onCPU{alone, func(k *sim.K, w *world) { k.Interrupt("irq", twice(w)) }}
	soft := onCPU{alone, func(k *sim.K, w *world) { k.RaiseSoftirq("softirq", twice(w)) }}
	masked := onCPU{alone, func(k *sim.K, w *world) {
		k.RaiseSoftirq("softirq", func(k *sim.K) { irqsOff.around(func(k *sim.K, w *world) { twice(w)(k) })(k, w) })
	}}
	wantEndsOn(t, "a hardirq", seen(2), waited, ipi, irq)
	wantEndsOn(t, "a softirq", seen(2), all, ipi, soft)
	wantEndsOn(t, "a softirq with interrupts off", seen(2), waited, ipi, masked)
	wantEndsOn(t, "a softirq and stop_machine", seen(2), waited, stop, soft)
	wantEndsOn(t, "a hardirq and stop_machine", seen(2), waited, stop, irq)
}

func TestIPIRules(t *testing.T) {
	none := func(*sim.K) {}
	for _, c := range []struct {
		name string
		want sim.Kind
		f    task
	}{
		{"interrupts on", sim.Kind{}, func(k *sim.K, _ *world) { k.OnEachCPU(none, true) }},
		{"preemption off", sim.Kind{}, func(k *sim.K, _ *world) {
			k.PreemptDisable()
			k.SmpCallFunctionMany([]int{1}, none, true)
			k.PreemptEnable()
		}},
		{"smp_call_function_many with preemption on", sim.IPIUnsafe, func(k *sim.K, _ *world) { k.SmpCallFunctionMany([]int{1}, none, true) }},
		{"smp_call_function_many in a reader that can be preempted", sim.IPIUnsafe, func(k *sim.K, _ *world) {
			k.RCUReadLock()
			k.SmpCallFunctionMany([]int{1}, none, true)
		}},
		{"interrupts off", sim.IPIUnsafe, irqsOff.around(func(k *sim.K, _ *world) { k.OnEachCPU(none, true) })},
		{"interrupts off, without waiting", sim.IPIUnsafe, irqsOff.around(func(k *sim.K, _ *world) { k.SmpCallFunctionSingle(1, none, false) })},
		{"in a hardirq", sim.IPIUnsafe, func(k *sim.K, _ *world) { k.InterruptOn(0, "irq", func(k *sim.K) { k.OnEachCPU(none, true) }) }},
		{"in a softirq", sim.IPIUnsafe, func(k *sim.K, _ *world) { k.SoftirqOn(0, "irq", func(k *sim.K) { k.OnEachCPU(none, true) }) }},
		{"in a trap", sim.IPIUnsafe, func(k *sim.K, _ *world) { k.Exception("int3", func(k *sim.K) { k.OnEachCPU(none, true) }) }},
		{"stop_machine", sim.Kind{}, func(k *sim.K, _ *world) { k.StopMachine(none) }},
		{"stop_machine with preemption off", sim.Atomic, preemptOff.around(func(k *sim.K, _ *world) { k.StopMachine(none) })},
	} {
		breaks(t, c.name, c.want, onCPU{0, c.f}, onCPU{1, idle}, onCPU{alone, idle})
	}
}

// Two CPUs wait for each other: one holds a lock and waits for the function to
// run on the other, which waits for the lock with interrupts off.
func TestIPIDeadlock(t *testing.T) {
	p := func(s section) sim.Program {
		return func(m *sim.Machine) {
			b := newBit(m.Setup())
			m.ShareCPUs()
			m.GoOn(0, "t0", func(k *sim.K) {
				b.under(k, func() { k.SmpCallFunctionSingle(1, func(*sim.K) {}, true) })
			})
			m.GoOn(1, "t1", func(k *sim.K) {
				s.begin(k)
				b.under(k, func() {})
				s.end(k)
			})
		}
	}
	r := search(t, p(irqsOff))
	if got := kinds(r); !slices.Equal(got, []sim.Kind{sim.Deadlock}) {
		t.Fatalf("interrupts off: %v", got)
	}
	if waits := strings.Join(r.Findings[0].Violation.Waits, "\n"); !strings.Contains(waits, "while t1 has its CPU") {
		t.Errorf("it is not said that t1 keeps the interrupt out:\n%s", waits)
	}
	if got := kinds(search(t, p(preemptOff))); got != nil {
		t.Errorf("interrupts on: %v", got)
	}
}

// Two tasks send each other's CPU an IPI and wait: each serves the other's while
// it waits.
func TestIPIsThatCross(t *testing.T) {
	send := func(to int) onCPU {
		return onCPU{1 - to, func(k *sim.K, w *world) {
			k.SmpCallFunctionSingle(to, func(*sim.K) { w.seen[to]++ }, true)
		}}
	}
	wantEndsOn(t, "crossing", seen(2), []string{"1 1"}, send(0), send(1), onCPU{alone, idle})
}

// textPokeSync and the like stand on the stacks of the reports.
func textPokeSync(k *sim.K) { k.OnEachCPU(func(*sim.K) {}, true) }

func perfEventNMI(k *sim.K, w *world) { k.SpinLock(&w.spin) }

func TestReportsOfSharedProcessors(t *testing.T) {
	for _, c := range []struct {
		name, title string
		f           task
	}{
		{"ipi-unsafe", sim.IPIUnsafe.Class + " in text_poke_sync", func(k *sim.K, _ *world) {
			k.LocalIRQDisable()
			textPokeSync(k)
		}},
		{"irq-unsafe-nmi", sim.IRQUnsafe.Class + " in perf_event_nmi", func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.SpinUnlock(&w.spin)
			k.NMIOn(sim.ThisCPU, "nmi", func(k *sim.K) { perfEventNMI(k, w) })
			k.PreemptDisable()
			k.PreemptEnable()
		}},
		{"irq-unsafe-after-nmi", sim.IRQUnsafe.Class + " in update_timer", func(k *sim.K, w *world) {
			k.NMIOn(sim.ThisCPU, "nmi", func(k *sim.K) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) })
			k.NMIOn(sim.ThisCPU, "last", func(k *sim.K) {})
			updateTimer(k, w)
		}},
	} {
		m := sim.NewMachine()
		o := m.Record(programOn([]onCPU{{0, c.f}, {alone, idle}}, nil), nmiFirst)
		m.Close()
		if o.Violation == nil || o.Violation.Title != c.title {
			t.Errorf("%s: %v, want the title %q", c.name, o.Violation, c.title)
			continue
		}
		golden(t, c.name, lineNumber.ReplaceAllString(o.Violation.Report, ".go:N"))
	}
}

func updateTimer(k *sim.K, w *world) {
	k.SpinLock(&w.spin)
	k.SpinUnlock(&w.spin)
}

// nmiFirst lets what was spawned last go before the others.
var nmiFirst = sim.StrategyFunc(func(m *sim.Machine, p *sim.Point) int {
	for i := p.N - 1; i > 0; i-- {
		if strings.Contains(m.TaskName(p.Tasks[i]), "/") {
			return i
		}
	}
	return 0
})

// Records say on which CPU a step was taken, and in which context.
func TestRecordsOfSharedCPUs(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Record(programOn([]onCPU{
		{1, func(k *sim.K, w *world) {
			k.PreemptDisable()
			k.SoftirqOn(sim.ThisCPU, "timer", func(k *sim.K) {
				k.InterruptOn(sim.ThisCPU, "irq", func(k *sim.K) {
					k.NMIOn(sim.ThisCPU, "nmi", func(k *sim.K) { w.x.Read(k) })
					w.x.Read(k)
				})
				w.x.Read(k)
			})
			k.LocalBHDisable()
			k.LocalBHEnable()
			k.PreemptEnable()
			k.Exception("int3", func(k *sim.K) { w.x.Read(k) })
		}},
		{alone, func(k *sim.K, w *world) {
			k.SmpCallFunctionSingle(1, func(k *sim.K) { w.y.Read(k) }, true)
		}},
	}, nil), nmiFirst)
	if o.Violation != nil {
		t.Fatal(o.Violation)
	}
	var got strings.Builder
	for _, r := range m.Records() {
		fmt.Fprintf(&got, "%-12s [%03d] %d<%d %d%t%t %s%s %s\n", r.Name, r.CPU, r.Context, r.Below, r.Preempt, r.IRQsOff, r.BHOff, r.Remark, r.Text, r.Note)
	}
	golden(t, "records-shared-cpus", got.String())
}
