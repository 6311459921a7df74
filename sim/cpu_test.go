package sim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// onCPU binds a task to a CPU; alone gives it one of its own.
type onCPU struct {
	cpu int
	f   task
}

const alone = -1

// programOn is a program whose tasks t0, t1, ... are bound to CPUs. All CPUs are
// shared if one of the tasks is bound to none.
func programOn(tasks []onCPU, observe func(w *world)) sim.Program {
	return func(m *sim.Machine) {
		w := newWorld(m.Setup())
		for i, t := range tasks {
			name, f := fmt.Sprint("t", i), func(k *sim.K) { t.f(k, w) }
			if t.cpu == alone {
				m.ShareCPUs()
				m.Go(name, f)
			} else {
				m.GoOn(t.cpu, name, f)
			}
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(w) })
		}
	}
}

// wantEndsOn holds a program to its end states, in the exhaustive search, which
// must visit nothing in vain, and in the one that counts preemptions if the
// program is short.
func wantEndsOn(t *testing.T, name string, show func(w *world) string, want []string, tasks ...onCPU) {
	t.Helper()
	for _, o := range []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 20}} {
		var all []string
		r, err := explore.Run(context.Background(), programOn(tasks, func(w *world) { all = append(all, show(w)) }), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			t.Errorf("%s: %s, schedule %s\n%s", name, f.Violation, f.Schedule, f.Violation.Report)
		}
		if !r.Complete || r.Blocked != 0 {
			t.Errorf("%s: %s", name, r.Coverage())
		}
		slices.Sort(all)
		if got := slices.Compact(all); !slices.Equal(got, want) {
			t.Errorf("%s, %s: the end states are %q, want %q", name, r.Strategy, got, want)
		}
		if r.Longest > 15 {
			return
		}
	}
}

// breaks holds a program to the rule that it breaks, none if it is the zero Kind.
func breaks(t *testing.T, name string, want sim.Kind, tasks ...onCPU) {
	t.Helper()
	r := search(t, programOn(tasks, nil))
	if (len(r.Findings) > 0) != (want != sim.Kind{}) {
		t.Errorf("%s: %d rules broken, want %q; %s", name, len(r.Findings), want.Name, r.Coverage())
	}
	for _, f := range r.Findings {
		if f.Violation.Kind != want {
			t.Errorf("%s: %s (%s), want %q; schedule %s\n%s", name, f.Violation, f.Violation.Kind.Name, want.Name, f.Schedule, f.Violation.Report)
		}
	}
}

// section is code under something that keeps others out.
type section struct {
	name  string
	begin func(k *sim.K)
	end   func(k *sim.K)
}

var (
	nothing    = section{"nothing", func(*sim.K) {}, func(*sim.K) {}}
	preemptOff = section{"preempt_disable", (*sim.K).PreemptDisable, (*sim.K).PreemptEnable}
	bhOff      = section{"local_bh_disable", (*sim.K).LocalBHDisable, (*sim.K).LocalBHEnable}
	irqsOff    = section{"local_irq_disable", (*sim.K).LocalIRQDisable, (*sim.K).LocalIRQEnable}
	irqsTwice  = section{"inner local_irq_restore", func(k *sim.K) {
		k.LocalIRQDisable()
		k.LocalIRQRestore(k.LocalIRQSave())
	}, (*sim.K).LocalIRQEnable}
	irqsAgain = section{"local_irq_enable under preempt_disable", func(k *sim.K) {
		k.PreemptDisable()
		k.LocalIRQDisable()
		k.LocalIRQEnable()
	}, (*sim.K).PreemptEnable}
)

func (s section) around(f task) task {
	return func(k *sim.K, w *world) {
		s.begin(k)
		f(k, w)
		s.end(k)
	}
}

func increment(k *sim.K, w *world) { w.x.Write(k, w.x.Read(k)+1) }

func x(w *world) string { return fmt.Sprint(w.x.Peek()) }

// Tasks of one CPU lose updates while they can be preempted, and of two always.
func TestPreemptDisableIsAtomicOnOneCPU(t *testing.T) {
	both, lost := []string{"2"}, []string{"1", "2"}
	for _, c := range []struct {
		s     section
		other int
		want  []string
	}{
		{nothing, 0, lost},
		{preemptOff, 0, both},
		{bhOff, 0, both},
		{irqsOff, 0, both},
		{irqsTwice, 0, both},
		{irqsAgain, 0, both},
		{nothing, 1, lost},
		{preemptOff, 1, lost},
		{irqsOff, 1, lost},
		{preemptOff, alone, lost},
	} {
		wantEndsOn(t, fmt.Sprint(c.s.name, " on 0 and ", c.other), x, c.want,
			onCPU{0, c.s.around(increment)}, onCPU{c.other, c.s.around(increment)})
	}
	wantEndsOn(t, "one that can be preempted", x, lost, onCPU{0, preemptOff.around(increment)}, onCPU{0, increment})
}

// Sections of one CPU come in some order: n! of them, whatever is in them.
func TestSectionsAreCounted(t *testing.T) {
	for n, want := range []int{1, 1, 2, 6, 24} {
		tasks := make([]onCPU, n)
		for i := range tasks {
			tasks[i] = onCPU{0, irqsOff.around(increment)}
		}
		if r := search(t, programOn(tasks, nil)); r.Executions != want || r.Blocked != 0 {
			t.Errorf("%d tasks: %s, want %d executions", n, r.Coverage(), want)
		}
	}
	// A handler comes before, between and after n steps: in n+1 places, and in two
	// if interrupts are off.
	for n := range 5 {
		read := func(k *sim.K, w *world) {
			for range n {
				w.y.Read(k)
			}
		}
		for _, c := range []struct {
			f    task
			want int
		}{{read, n + 1}, {irqsOff.around(read), 2}} {
			r := search(t, programOn([]onCPU{{0, c.f}, {1, func(k *sim.K, _ *world) {
				k.InterruptOn(0, "irq", func(*sim.K) {})
			}}}, nil))
			if r.Executions != c.want || r.Blocked != 0 {
				t.Errorf("a handler and %d steps: %s, want %d executions", n, r.Coverage(), c.want)
			}
		}
	}
	// Where they can be preempted, the steps of tasks that share nothing but
	// their CPU come in no order at all.
	read := onCPU{0, func(k *sim.K, w *world) { w.x.Read(k); w.x.Read(k) }}
	if r := search(t, programOn([]onCPU{read, read, read}, nil)); r.Executions != 1 {
		t.Error(r.Coverage())
	}
}

// raisers are the ways to interrupt a CPU.
var raisers = []struct {
	name  string
	raise func(k *sim.K, cpu int, name string, f func(k *sim.K))
	into  string // the sections that it comes into, by their place below
}{
	{"hardirq", (*sim.K).InterruptOn, "ppb...a"},
	{"softirq", (*sim.K).SoftirqOn, "pp....a"},
	{"nmi", (*sim.K).NMIOn, "ppbiita"},
}

// A handler comes between any two steps of code that it may interrupt, and
// between none of code that it must not.
func TestHandlerComesWhereItMay(t *testing.T) {
	trap := func(f task) task {
		return func(k *sim.K, w *world) { k.Exception("int3", func(k *sim.K) { f(k, w) }) }
	}
	read := func(k *sim.K, w *world) {
		for i := range 3 {
			w.seen[i] = w.x.Read(k)
		}
	}
	for _, by := range raisers {
		for i, f := range []task{
			nothing.around(read), preemptOff.around(read), bhOff.around(read), irqsOff.around(read), irqsTwice.around(read), trap(read), irqsAgain.around(read),
		} {
			want := []string{"0 0 0", "2 2 2"}
			if by.into[i] != '.' {
				// Of the two steps of the handler the task sees both or none.
				want = []string{"0 0 0", "0 0 2", "0 2 2", "2 2 2"}
			}
			for _, cpu := range []int{0, alone} {
				wantEndsOn(t, fmt.Sprint(by.name, " into ", i), seen(3), want, onCPU{cpu, f}, onCPU{5, func(k *sim.K, w *world) {
					target := 0
					if cpu == alone {
						target = 6 // behind those that are bound
					}
					by.raise(k, target, by.name, func(k *sim.K) { increment(k, w); increment(k, w) })
				}})
			}
		}
	}
}

// A task of another CPU sees what a handler does in between.
func TestHandlerStopsItsCPUOnly(t *testing.T) {
	wantEndsOn(t, "another CPU", seen(2), []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"},
		onCPU{0, func(k *sim.K, w *world) {
			k.InterruptOn(0, "irq", func(k *sim.K) { increment(k, w); increment(k, w) })
		}},
		onCPU{1, func(k *sim.K, w *world) { w.seen[0] = w.x.Read(k); w.seen[1] = w.x.Read(k) }})
}

// Handlers nest by their level: none into one of its own or of a higher one.
func TestHandlersNest(t *testing.T) {
	apart, within := []string{"0 0", "1 1"}, []string{"0 0", "0 1", "1 1"}
	for outer, o := range raisers {
		for inner, i := range raisers {
			want := apart
			if (inner == 0 && outer == 1) || (inner == 2 && outer != 2) {
				want = within
			}
			wantEndsOn(t, i.name+" into "+o.name, seen(2), want, onCPU{0, func(k *sim.K, w *world) {
				o.raise(k, 0, "outer", func(k *sim.K) { w.seen[0] = w.x.Read(k); w.seen[1] = w.x.Read(k) })
				i.raise(k, 0, "inner", func(k *sim.K) { w.x.Xchg(k, 1) })
			}})
		}
	}
	wantEndsOn(t, "hardirq into softirq with interrupts off", seen(2), apart, onCPU{0, func(k *sim.K, w *world) {
		k.SoftirqOn(0, "outer", func(k *sim.K) {
			flags := k.LocalIRQSave()
			w.seen[0], w.seen[1] = w.x.Read(k), w.x.Read(k)
			k.LocalIRQRestore(flags)
		})
		k.InterruptOn(0, "inner", func(k *sim.K) { w.x.Xchg(k, 1) })
	}})
}

// digit appends a digit to the order of what was done.
func digit(k *sim.K, w *world, n int) {
	w.x.Xchg(k, n)
	w.seen[0] = w.seen[0]*10 + n
}

// A softirq waits until the hardirq that raised it has returned, and until softirqs
// are switched on.
func TestSoftirqComesLater(t *testing.T) {
	wantEndsOn(t, "after the hardirq", seen(1), []string{"12"}, onCPU{0, func(k *sim.K, w *world) {
		k.InterruptOn(0, "irq", func(k *sim.K) {
			k.SoftirqOn(0, "softirq", func(k *sim.K) { digit(k, w, 2) })
			digit(k, w, 1)
		})
	}})
	wantEndsOn(t, "after local_bh_enable", seen(1), []string{"123", "132"}, onCPU{0, func(k *sim.K, w *world) {
		k.LocalBHDisable()
		k.SoftirqOn(0, "softirq", func(k *sim.K) { digit(k, w, 2) })
		digit(k, w, 1)
		k.LocalBHEnable()
		digit(k, w, 3)
	}})
}

func TestCPUNumbers(t *testing.T) {
	is := func(cpu int) task {
		return func(k *sim.K, w *world) {
			w.y.Read(k)
			if got := sim.CPU(k); got != cpu {
				panic(fmt.Sprintf("%s runs on %d, not on %d", k.Name(), got, cpu))
			}
		}
	}
	raise := func(cpu int) task {
		return func(k *sim.K, w *world) {
			is(cpu)(k, w)
			for _, by := range raisers {
				by.raise(k, 2, by.name, func(k *sim.K) { is(2)(k, w) })
				by.raise(k, cpu, by.name, func(k *sim.K) { is(cpu)(k, w) })
			}
			k.Interrupt("irq", func(k *sim.K) { is(5)(k, w) })
			k.Exception("int3", func(k *sim.K) { is(cpu)(k, w) })
		}
	}
	for _, p := range []sim.Program{
		programOn([]onCPU{{2, raise(2)}, {alone, is(3)}, {2, is(2)}, {alone, raise(4)}, {0, is(0)}}, nil),
		program([]task{is(0), func(k *sim.K, w *world) {
			is(1)(k, w)
			k.Interrupt("irq", func(k *sim.K) { is(2)(k, w) })
		}}, nil),
	} {
		if o := undisturbed(t, p); o.Violation != nil {
			t.Error(o.Violation)
		}
	}
}

// A CPU can be interrupted only if the machine knows of it.
func TestUnknownCPUsAreRefused(t *testing.T) {
	for name, f := range map[string]task{
		"interrupt": func(k *sim.K, w *world) { k.InterruptOn(0, "irq", func(*sim.K) {}) },
		"ipi":       func(k *sim.K, w *world) { k.OnEachCPU(func(*sim.K) {}, true) },
		"stop":      func(k *sim.K, w *world) { k.StopMachine(func(*sim.K) {}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a CPU that is not shared was accepted", name)
				}
			}()
			undisturbed(t, program([]task{func(k *sim.K, w *world) { w.x.Read(k); f(k, w) }}, nil))
		}()
	}
}

var (
	opRawLock   = sim.NewOp("bit_spin_lock(%s)")
	opRawUnlock = sim.NewOp("bit_spin_unlock(%s)")
)

// bit is a spinlock that lockdep does not know.
type bit struct{ o sim.Object }

func newBit(k *sim.K) *bit {
	b := &bit{}
	b.o.Init(k, "bit")
	b.o.Allow(1)
	return b
}

func (b *bit) under(k *sim.K, f func()) {
	k.PreemptDisable()
	k.StepWait(opRawLock, &b.o, sim.Write, 1)
	b.o.Forbid(1)
	b.o.SetHolder(k)
	f()
	k.Step(opRawUnlock, &b.o, sim.Write)
	b.o.SetHolder(nil)
	b.o.Allow(1)
	k.PreemptEnable()
}

// A handler that spins for a lock which the code under it holds waits for ever,
// with lockdep or without.
func TestHandlerThatWaitsForWhatItInterrupts(t *testing.T) {
	for _, by := range raisers {
		for i, s := range []section{nothing, preemptOff, bhOff, irqsOff, irqsTwice} {
			wantBit, wantSpin := sim.Kind{}, sim.Kind{}
			if by.into[i] != '.' {
				wantBit, wantSpin = sim.Deadlock, sim.IRQUnsafe
			} else if by.name == "nmi" {
				wantSpin = sim.IRQUnsafe
			}
			var b *bit
			r := search(t, func(m *sim.Machine) {
				b = newBit(m.Setup())
				m.GoOn(0, "t0", func(k *sim.K) {
					s.begin(k)
					b.under(k, func() {})
					s.end(k)
				})
				m.GoOn(1, "t1", func(k *sim.K) { by.raise(k, 0, by.name, func(k *sim.K) { b.under(k, func() {}) }) })
			})
			if got := kinds(r); !slices.Equal(got, without(wantBit)) {
				t.Errorf("%s under %s: %v", by.name, s.name, got)
			}
			lock := func(k *sim.K, w *world) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) }
			breaks(t, by.name+" under "+s.name, wantSpin, onCPU{0, s.around(lock)}, onCPU{1, func(k *sim.K, w *world) {
				by.raise(k, 0, by.name, func(k *sim.K) { lock(k, w) })
			}})
		}
	}
}

func kinds(r *explore.Result) (all []sim.Kind) {
	for _, f := range r.Findings {
		all = append(all, f.Violation.Kind)
	}
	return all
}

func without(k sim.Kind) []sim.Kind {
	if k == (sim.Kind{}) {
		return nil
	}
	return []sim.Kind{k}
}

// A trylock is the way for a non-maskable interrupt to take a lock.
func TestTrylockInNMI(t *testing.T) {
	breaks(t, "trylock", sim.Kind{}, onCPU{0, func(k *sim.K, w *world) {
		k.NMIOn(0, "nmi", func(k *sim.K) {
			if k.SpinTrylock(&w.spin) {
				k.SpinUnlock(&w.spin)
			}
		})
		k.SpinLock(&w.spin)
		k.SpinUnlock(&w.spin)
	}})
}

// A reader in a non-maskable interrupt spins for writers only.
func TestReaderInNMI(t *testing.T) {
	for _, write := range []bool{false, true} {
		want := sim.Kind{}
		if write {
			want = sim.IRQUnsafe
		}
		r := search(t, func(m *sim.Machine) {
			l := &sim.RWLock{}
			m.Setup().RWLockInit(l, "l")
			m.GoOn(0, "t", func(k *sim.K) {
				k.NMIOn(0, "nmi", func(k *sim.K) {
					k.ReadLock(l)
					k.ReadUnlock(l)
				})
				if write {
					k.WriteLock(l)
					k.WriteUnlock(l)
				} else {
					k.ReadLock(l)
					k.ReadUnlock(l)
				}
			})
		})
		if got := kinds(r); !slices.Equal(got, without(want)) {
			t.Errorf("a writer %t: found %v", write, got)
		}
	}
}

// What a section keeps out needs no marks on its data, and the rest does.
func TestSectionsOrderData(t *testing.T) {
	set := func(k *sim.K, w *world) { w.data.Set(k, w.data.Get(k)+1) }
	read := func(f task) task { return func(k *sim.K, w *world) { w.y.Read(k); f(k, w) } }
	for _, by := range raisers {
		for i, s := range []section{nothing, preemptOff, bhOff, irqsOff, irqsTwice} {
			want := sim.Kind{}
			if by.into[i] != '.' {
				want = sim.DataRace
			}
			raise := func(cpu int) onCPU {
				return onCPU{cpu, func(k *sim.K, w *world) {
					by.raise(k, cpu, by.name, func(k *sim.K) { read(set)(k, w) })
				}}
			}
			self := func(k *sim.K, w *world) {
				raise(0).f(k, w)
				s.around(read(set))(k, w)
			}
			breaks(t, by.name+" and the task that it interrupts, under "+s.name, want, onCPU{0, self})
			breaks(t, by.name+" elsewhere, under "+s.name, sim.DataRace, onCPU{0, s.around(read(set))}, raise(1))
		}
		breaks(t, by.name+" twice", sim.Kind{}, onCPU{0, func(k *sim.K, w *world) {
			for range 2 {
				by.raise(k, 0, by.name, func(k *sim.K) { set(k, w) })
			}
		}})
	}
	for _, s := range []section{preemptOff, bhOff, irqsOff} {
		breaks(t, "tasks of one CPU under "+s.name, sim.Kind{}, onCPU{0, s.around(set)}, onCPU{0, preemptOff.around(set)})
		breaks(t, "tasks of two CPUs under "+s.name, sim.DataRace, onCPU{0, s.around(set)}, onCPU{1, s.around(set)})
		breaks(t, "one of two tasks under "+s.name, sim.DataRace, onCPU{0, s.around(set)}, onCPU{0, read(set)})
	}
}

func TestExceptionRules(t *testing.T) {
	trap := func(f task) onCPU {
		return onCPU{0, func(k *sim.K, w *world) { k.Exception("int3", func(k *sim.K) { f(k, w) }) }}
	}
	for _, c := range []struct {
		name string
		want sim.Kind
		f    task
	}{
		{"sleeps", sim.Atomic, addUnder},
		{"spins", sim.Kind{}, func(k *sim.K, w *world) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) }},
		{"keeps a lock", sim.HeldAtExit, func(k *sim.K, w *world) { k.SpinLock(&w.spin) }},
		{"leaves preemption off", sim.AtomicAtExit, func(k *sim.K, _ *world) { k.PreemptDisable() }},
		{"switches interrupts on", sim.AtomicAtExit, func(k *sim.K, _ *world) { k.LocalIRQEnable() }},
		{"traps", sim.Kind{}, func(k *sim.K, w *world) {
			k.Exception("int3", func(k *sim.K) { w.x.Read(k) })
			if k.Context() != sim.Trap || !k.IRQsDisabled() {
				panic("the outer handler goes on as a task")
			}
		}},
		{"takes the lock of the code", sim.Recursive, func(k *sim.K, w *world) {
			k.Exception("int3", func(k *sim.K) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) })
			k.SpinLock(&w.spin)
			k.Exception("int3", func(k *sim.K) { k.SpinLock(&w.spin) })
		}},
	} {
		breaks(t, c.name, c.want, trap(c.f))
	}
	breaks(t, "after it", sim.Kind{}, onCPU{0, func(k *sim.K, w *world) {
		k.Exception("int3", func(*sim.K) {})
		if k.Context() != sim.Task || k.IRQsDisabled() {
			panic("the handler has not returned")
		}
		addUnder(k, w)
	}})
}

// A lock that is spun for with preemption off keeps the CPU from its holder.
func TestSpinningKeepsTheCPU(t *testing.T) {
	var b *bit
	p := func(same int) sim.Program {
		return func(m *sim.Machine) {
			b = newBit(m.Setup())
			m.GoOn(0, "t0", func(k *sim.K) {
				k.StepWait(opRawLock, &b.o, sim.Write, 1) // with preemption on
				b.o.Forbid(1)
				k.Step(opRawUnlock, &b.o, sim.Write)
				b.o.Allow(1)
			})
			m.GoOn(same, "t1", func(k *sim.K) { b.under(k, func() {}) })
		}
	}
	if got := kinds(search(t, p(0))); !slices.Equal(got, []sim.Kind{sim.Deadlock}) {
		t.Errorf("on one CPU: %v", got)
	}
	if got := kinds(search(t, p(1))); got != nil {
		t.Errorf("on two CPUs: %v", got)
	}
}
