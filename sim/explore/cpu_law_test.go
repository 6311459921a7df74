package explore_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// cpuProgram is a program whose tasks are bound to CPUs, or to none (-1), and
// interrupt one another.
type cpuProgram struct {
	on     []int
	shared bool
	acts   program
}

func (p cpuProgram) String() string { return fmt.Sprint("\n\ton ", p.on, p.shared, p.acts) }

// The verbs of a task, of what may stand in a section, and of a handler.
var (
	cpuVerbs     = []string{"mutex", "trylock", "cell", "ipi", "elsewhere"}
	sectionVerbs = []string{"preempt", "bh", "irqs", "trap", "raise", "raise", "raise_soft", "raise_nmi", "page", "choose"}
	handlerVerbs = []string{"read", "write", "xchg", "spin_irqs"}
	cpuNests     = []string{"mutex", "trylock", "preempt", "bh", "irqs", "trap", "raise", "raise_soft", "raise_nmi", "elsewhere", "page", "ipi", "spin_irqs"}
)

func cpuActs(verbs []string, most, depth int) *rapid.Generator[[]act] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		a := act{
			verb:  rapid.SampledFrom(verbs).Draw(t, "verb"),
			which: rapid.IntRange(0, 1).Draw(t, "which"),
			value: rapid.IntRange(0, 2).Draw(t, "value"),
		}
		if !slices.Contains(cpuNests, a.verb) || depth == 0 {
			return a
		}
		inner := handlerVerbs
		switch a.verb {
		case "mutex", "trylock":
			inner = verbs
		case "preempt", "bh", "irqs", "trap", "page", "spin_irqs":
			inner = slices.DeleteFunc(slices.Clone(verbs), func(v string) bool { return slices.Contains(cpuVerbs, v) })
		}
		a.body = cpuActs(inner, 2, depth-1).Draw(t, "body")
		return a
	}), 1, most)
}

func cpuPrograms(extra ...string) *rapid.Generator[cpuProgram] {
	return rapid.Custom(func(t *rapid.T) cpuProgram {
		n := rapid.IntRange(1, 3).Draw(t, "tasks")
		p := cpuProgram{make([]int, n), rapid.Bool().Draw(t, "shared"), make(program, n)}
		verbs, places := slices.Concat(handlerVerbs, sectionVerbs, cpuVerbs, extra), []int{0, 0, 0, 1, -1}
		if !p.shared {
			verbs = slices.DeleteFunc(verbs, func(v string) bool { return v == "ipi" })
			places = []int{0, 0, 1}
		}
		for i := range n {
			p.on[i] = rapid.SampledFrom(places).Draw(t, "on")
			p.acts[i] = cpuActs(verbs, 5-n, 2).Draw(t, fmt.Sprint("t", i))
		}
		return p
	})
}

// cpuWorld is what the tasks share.
type cpuWorld struct {
	x     [2]sim.Word[int]
	mutex [2]sim.Mutex
	cell  sim.Cell[int]
	page  sim.Object
	log   map[string][]int
}

func (p cpuProgram) program(_ bool, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &cpuWorld{log: map[string][]int{}}
		for i := range 2 {
			w.x[i].Init(k, fmt.Sprint("x", i), 0)
			k.MutexInit(&w.mutex[i], fmt.Sprint("mutex", i))
		}
		w.cell.Init(k, "cell")
		w.page.Init(k, "page")
		w.page.Allow(1)
		if p.shared {
			m.ShareCPUs()
		}
		for i, acts := range p.acts {
			body := func(k *sim.K) { w.cpuActs(k, acts) }
			if p.on[i] < 0 {
				m.Go(fmt.Sprint("t", i), body)
			} else {
				m.GoOn(p.on[i], fmt.Sprint("t", i), body)
			}
		}
		m.After(func(*sim.K) {
			observe(fmt.Sprint(w.x[0].Peek(), w.x[1].Peek(), w.cell.Peek(), " ", w.log))
		})
	}
}

func (w *cpuWorld) cpuActs(k *sim.K, acts []act) {
	for _, a := range acts {
		w.cpuAct(k, a)
	}
}

func (w *cpuWorld) cpuAct(k *sim.K, a act) {
	x := &w.x[a.which]
	saw := func(v int) { w.log[k.Name()] = append(w.log[k.Name()], v) }
	body := func() { w.cpuActs(k, a.body) }
	handler := func(k *sim.K) { w.cpuActs(k, a.body) }
	switch a.verb {
	case "read":
		saw(x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "xchg":
		saw(x.Xchg(k, a.value))
	case "choose":
		saw(k.Choose(2, "a way"))
	case "mutex":
		k.MutexLock(&w.mutex[a.which])
		body()
		k.MutexUnlock(&w.mutex[a.which])
	case "trylock":
		if k.MutexTrylock(&w.mutex[a.which]) {
			body()
			k.MutexUnlock(&w.mutex[a.which])
		}
	case "cell":
		k.MutexLock(&w.mutex[0])
		w.cell.Set(k, w.cell.Get(k)+1)
		k.MutexUnlock(&w.mutex[0])
	case "race":
		w.cell.Set(k, a.value)
	case "preempt":
		k.PreemptDisable()
		body()
		k.PreemptEnable()
	case "bh":
		k.LocalBHDisable()
		body()
		k.LocalBHEnable()
	case "irqs":
		flags := k.LocalIRQSave()
		body()
		k.LocalIRQRestore(flags)
	case "trap":
		k.Exception("int3", handler)
	case "page": // a lock that spins where the code cannot be preempted
		k.StepWait(opLockPage, &w.page, sim.Write, 1)
		w.page.Forbid(1)
		body()
		k.Step(opUnlockPage, &w.page, sim.Write)
		w.page.Allow(1)
	case "spin_irqs":
		flags := k.LocalIRQSave()
		k.StepWait(opLockPage, &w.page, sim.Write, 1)
		w.page.Forbid(1)
		body()
		k.Step(opUnlockPage, &w.page, sim.Write)
		w.page.Allow(1)
		k.LocalIRQRestore(flags)
	case "raise":
		k.InterruptOn(sim.ThisCPU, "irq", handler)
	case "elsewhere":
		k.Interrupt("irq", handler)
	case "raise_soft":
		k.SoftirqOn(sim.ThisCPU, "softirq", handler)
	case "raise_nmi":
		k.NMIOn(sim.ThisCPU, "nmi", handler)
	case "ipi":
		k.OnEachCPU(handler, a.value > 0)
	default:
		panic("no verb " + a.verb)
	}
}

// What holds of the searches holds on CPUs that are shared as well.
func TestExhaustiveSearchVisitsEachTraceOnceOnSharedCPUs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := cpuPrograms().Draw(rt, "program")
		if want, ok := all(p, true, mostExecutions); ok && len(want.titles) == 0 {
			wantEachTraceOnce(rt, p, want)
		}
	})
}

func TestExhaustiveSearchFindsEveryViolationOnSharedCPUs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := cpuPrograms("race").Draw(rt, "program")
		if want, ok := all(p, false, mostExecutions); ok && len(want.titles) > 0 {
			wantEveryViolation(rt, p, want)
		}
	})
}

func TestBoundedSearchSeesWhatTheBoundAllowsOnSharedCPUs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := cpuPrograms("race").Draw(rt, "program")
		if want, ok := all(p, false, mostExecutions); ok {
			wantBounded(rt, p, false, want)
		}
	})
}

// A step with two needs may have to come before two others at once: here the lock
// is held until the interrupt has come, and the interrupt does not return until
// the lock is held. The task can find it free only before both or after both.
func TestStepBeforeTwoOthersAtOnce(t *testing.T) {
	opSpinOn := sim.NewOp("smp_cond_load_acquire(%s)")
	opSpinUnlockWait := sim.NewOp("spin_unlock_wait(%s)")
	opSet := sim.NewOp("smp_store_release(%s)")
	for last := range 3 { // the order of the tasks does not matter
		first := map[bool]bool{}
		r := result(t, func(m *sim.Machine) {
			var (
				lock, held, came sim.Object
				order            []string
			)
			s := m.Setup()
			held.Init(s, "held")
			came.Init(s, "came")
			lock.Init(s, "lock")
			lock.Allow(1)
			set := func(k *sim.K, o *sim.Object) { k.Step(opSet, o, sim.Write); o.Allow(1) }
			spin := func(k *sim.K, o *sim.Object) { k.StepWait(opSpinOn, o, sim.Read, 1) }
			tasks := []func(){
				func() {
					m.GoOn(0, "task", func(k *sim.K) {
						k.StepWait(opSpinUnlockWait, &lock, sim.Write, 1)
						order = append(order, "task")
					})
				},
				func() {
					m.GoOn(1, "holder", func(k *sim.K) {
						k.StepWait(opLockPage, &lock, sim.Write, 1)
						lock.Forbid(1)
						order = append(order, "holder")
						set(k, &held)
						spin(k, &came)
						k.Step(opUnlockPage, &lock, sim.Write)
						lock.Allow(1)
					})
				},
				func() {
					m.GoOn(2, "device", func(k *sim.K) {
						k.InterruptOn(0, "irq", func(k *sim.K) {
							spin(k, &held)
							set(k, &came)
						})
					})
				},
			}
			for i := range tasks {
				tasks[(i+last+1)%len(tasks)]()
			}
			m.After(func(*sim.K) { first[order[0] == "task"] = true })
		}, explore.Options{SelfCheck: true})
		if len(first) != 2 || r.Blocked != 0 || r.Verdict() != explore.Clean {
			t.Errorf("the task comes first: %v; %s, %s", first, r.Verdict(), r.Coverage())
		}
	}
}
