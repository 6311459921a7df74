package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// percpu is what the programs of these tests share: a per-CPU number with a slot
// for each of three tasks and one for the interrupts.
type percpu struct {
	hits sim.PerCPUInt[int]
	life sim.Life
	spin sim.SpinLock
	data sim.Cell[int]
	sum  int
}

func percpuProgram(observe func(w *percpu), tasks ...func(k *sim.K, w *percpu)) sim.Program {
	return func(m *sim.Machine) {
		w, k := &percpu{}, m.Setup()
		k.Born(&w.life, "hits")
		w.hits.Init(k, "hits", 4)
		w.hits.In(&w.life)
		k.SpinLockInit(&w.spin, "spin")
		w.data.Init(k, "data")
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(w) })
		}
	}
}

func hit(k *sim.K, w *percpu)      { w.hits.Inc(k) }
func hitTwice(k *sim.K, w *percpu) { w.hits.Inc(k); w.hits.Inc(k) }

func resetAll(k *sim.K, w *percpu) {
	for cpu := range w.hits.CPUs() {
		w.hits.Ptr(cpu).Set(k, 0)
	}
}

func sumOnce(k *sim.K, w *percpu)  { w.sum = w.hits.Sum(k) }
func sumPlain(k *sim.K, w *percpu) { w.sum = w.hits.Ptr(0).Get(k) + w.hits.Ptr(1).Get(k) }

func countInPlace(k *sim.K, w *percpu) {
	s := w.hits.GetCPUVar(k)
	s.Set(k, s.Get(k)+1)
	w.hits.PutCPUVar(k)
}

func TestPerCPUSlotsAreApart(t *testing.T) {
	var ends []string
	show := func(w *percpu) {
		var slots []int
		for cpu := range w.hits.CPUs() {
			slots = append(slots, w.hits.Ptr(cpu).Peek())
		}
		ends = append(ends, fmt.Sprint(slots))
	}
	r := search(t, percpuProgram(show, hitTwice, func(k *sim.K, w *percpu) {
		w.hits.Add(k, 5)
		w.hits.Dec(k)
		if got := w.hits.Read(k); got != 4 {
			t.Errorf("is %d", got)
		}
	}, func(k *sim.K, w *percpu) {
		w.hits.Write(k, 7)
		countInPlace(k, w)
		k.Interrupt("irq", func(k *sim.K) { hit(k, w) })
	}))
	slices.Sort(ends)
	if ends = slices.Compact(ends); !slices.Equal(ends, []string{"[2 4 8 1]"}) || len(r.Findings) != 0 {
		t.Errorf("the end states are %v, found %v", ends, r.Findings)
	}
	if r.Executions != 1 || r.Blocked != 0 {
		t.Errorf("%s, want one execution: nobody uses the slot of another", r.Coverage())
	}
}

// A sum is read slot by slot: it is any number between what was counted before
// and after. Here the second slot is read last, so its hit is seen more often.
func TestPerCPUSum(t *testing.T) {
	sums := map[int]bool{}
	r := search(t, percpuProgram(func(w *percpu) { sums[w.sum] = true }, hit, hit, sumOnce))
	if len(sums) != 3 || !sums[0] || !sums[1] || !sums[2] || len(r.Findings) != 0 {
		t.Errorf("the sums are %v, found %v", sums, r.Findings)
	}
	if r.Executions != 4 || r.Blocked != 0 {
		t.Errorf("%s, want 4: two slots, each read before or after the hit", r.Coverage())
	}
}

func TestPerCPURules(t *testing.T) {
	type tasks = []func(k *sim.K, w *percpu)
	cpu := func(f func(k *sim.K)) tasks {
		return tasks{func(k *sim.K, _ *percpu) { f(k) }}
	}
	const using = "BUG: using smp_processor_id() in preemptible code in test_per_cpu_rules"
	for _, test := range []struct {
		name  string
		want  string
		tasks tasks
	}{
		{"each its own", "", tasks{hit, hit, countInPlace}},
		{"all at once while one counts", "KCSAN: data-race in hit / reset_all", tasks{hit, resetAll}},
		{"a plain sum while one counts", "KCSAN: data-race in hit / sum_plain", tasks{hit, sumPlain}},
		{"a plain sum while one counts in place", "KCSAN: data-race in count_in_place / sum_plain", tasks{countInPlace, sumPlain}},
		{"a marked sum while one counts in place", "KCSAN: data-race in count_in_place / sum_once", tasks{countInPlace, sumOnce}},
		{"a store to the slot of another", "", tasks{hit, func(k *sim.K, w *percpu) { w.hits.Ptr(0).WriteOnce(k, 0) }}},
		{"the plain sum of nothing", "", tasks{sumPlain, sumPlain}},
		{"in a freed object", "KASAN: slab-use-after-free Write in hit", tasks{hit, func(k *sim.K, w *percpu) { k.Kfree(&w.life) }}},
		{"smp_processor_id in a task", using, cpu(func(k *sim.K) { k.SmpProcessorID() })},
		{"smp_processor_id in a reader that can be preempted", using, cpu(func(k *sim.K) { k.RCUReadLock(); k.SmpProcessorID() })},
		{"raw_smp_processor_id in a task", "", cpu(func(k *sim.K) { k.RawSmpProcessorID() })},
		{"smp_processor_id with preemption off", "", cpu(func(k *sim.K) { k.PreemptDisable(); k.SmpProcessorID(); k.PreemptEnable() })},
		{"smp_processor_id after that", using, cpu(func(k *sim.K) { k.GetCPU(); k.PutCPU(); k.SmpProcessorID() })},
		{"smp_processor_id in an interrupt", "", cpu(func(k *sim.K) {
			k.Interrupt("irq", func(k *sim.K) { k.SmpProcessorID() })
		})},
		{"smp_processor_id in a softirq", "", cpu(func(k *sim.K) {
			k.RaiseSoftirq("softirq", func(k *sim.K) { k.SmpProcessorID() })
		})},
		{"smp_processor_id under a spinlock", "", tasks{func(k *sim.K, w *percpu) {
			flags := k.SpinLockIRQSave(&w.spin)
			k.SmpProcessorID()
			k.SpinUnlockIRQRestore(&w.spin, flags)
		}}},
		{"this_cpu_ptr in a task", "BUG: using smp_processor_id() in preemptible code in this_slot", tasks{thisSlot}},
		{"this_cpu_ptr with preemption off", "", tasks{func(k *sim.K, w *percpu) { k.PreemptDisable(); thisSlot(k, w); k.PreemptEnable() }}},
		{"sleeping with the slot", "BUG: sleeping function called from invalid context in sleep_with_slot", tasks{sleepWithSlot}},
		{"leaving with the slot", "BUG: scheduling while atomic in t0", tasks{func(k *sim.K, w *percpu) { w.hits.GetCPUVar(k) }}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, percpuProgram(nil, test.tasks...))
			switch {
			case test.want == "" && len(r.Findings) == 0:
			case len(r.Findings) != 1 || r.Findings[0].Violation.Title != test.want:
				t.Errorf("found %v, want %q", r.Findings[0].Violation, test.want)
			}
		})
	}
}

func TestSmpProcessorIDOfABoundTask(t *testing.T) {
	breaks(t, "bound", sim.Kind{}, onCPU{0, func(k *sim.K, _ *world) { k.SmpProcessorID() }})
	breaks(t, "not bound", sim.UsingCPU, onCPU{alone, func(k *sim.K, _ *world) { k.SmpProcessorID() }})
}

func thisSlot(k *sim.K, w *percpu) { w.hits.ThisCPUPtr(k).Get(k) }

func sleepWithSlot(k *sim.K, w *percpu) {
	w.hits.GetCPUVar(k)
	k.MightSleep("something")
}

// What a slot publishes orders plain data, as every marked access does.
func TestPerCPUOrdersData(t *testing.T) {
	for _, test := range []struct {
		name  string
		read  func(k *sim.K, w *percpu) int
		races bool
	}{
		{"looked at", func(k *sim.K, w *percpu) int { return w.hits.Ptr(0).ReadOnce(k) }, false},
		{"not looked at", func(k *sim.K, w *percpu) int { w.hits.Ptr(0).ReadOnce(k); return 1 }, true},
	} {
		for _, setup := range []func(*sim.Machine){nil, commuting} {
			r, err := explore.Run(t.Context(), percpuProgram(nil, func(k *sim.K, w *percpu) {
				w.data.Set(k, 1)
				w.hits.Inc(k)
			}, func(k *sim.K, w *percpu) {
				if test.read(k, w) == 1 {
					w.data.Set(k, 2)
				}
			}), explore.Options{Setup: setup, SelfCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			if (len(r.Findings) == 1) != test.races || len(r.Findings) > 1 {
				t.Errorf("%s: found %v", test.name, r.Findings)
			}
		}
	}
}

func TestPerCPUKeepsAnyType(t *testing.T) {
	undisturbed(t, func(m *sim.Machine) {
		var current sim.PerCPU[*int]
		current.Init(m.Setup(), "current_kprobe", 1)
		m.Go("t", func(k *sim.K) {
			x := 1
			current.Write(k, &x)
			if current.Read(k) != &x {
				t.Error("is another")
			}
		})
	})
}

func TestPerCPUOfTooFewCPUs(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "sim: a per-CPU variable of 1 CPUs is used on CPU 1") {
			t.Errorf("%v", r)
		}
	}()
	m := sim.NewMachine()
	m.Run(func(m *sim.Machine) {
		var hits sim.PerCPUInt[int]
		hits.Init(m.Setup(), "hits", 1)
		m.Go("t0", func(k *sim.K) { hits.Inc(k) })
		m.Go("t1", func(k *sim.K) { hits.Inc(k) })
	}, sim.Undisturbed)
}

func TestUsingCPUReport(t *testing.T) {
	v := undisturbed(t, percpuProgram(nil, thisSlot)).Violation
	if v == nil {
		t.Fatal("no rule is broken")
	}
	golden(t, "cpu-in-preemptible", lineNumber.ReplaceAllString(strings.ReplaceAll(v.Title+"\n\n"+v.Report, "sim_test/", "sim/"), ".go:N"))
}
