package explore_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// The programs of TestSections: what n tasks do under one lock.

func emptySections(n, times int) sim.Program {
	return func(m *sim.Machine) {
		l := mutexes(m, 1)
		tasks(m, n, func(_ int, k *sim.K) {
			for range times {
				k.MutexLock(&l[0])
				k.MutexUnlock(&l[0])
			}
		})
	}
}

func fiveSections(body func(i int, k *sim.K, x []sim.Word[int])) sim.Program {
	return func(m *sim.Machine) {
		var l sim.SpinLock
		m.Setup().SpinLockInit(&l, "l")
		x := words(m, 5)
		tasks(m, 5, func(i int, k *sim.K) {
			k.SpinLock(&l)
			body(i, k, x)
			k.SpinUnlock(&l)
		})
	}
}

// nestedSections has each task take the lock under another of its own.
func nestedSections(n int) sim.Program {
	return func(m *sim.Machine) {
		l := mutexes(m, n+1)
		tasks(m, n, func(i int, k *sim.K) {
			k.MutexLock(&l[i])
			k.MutexLock(&l[n])
			k.MutexUnlock(&l[n])
			k.MutexUnlock(&l[i])
		})
	}
}

// TestSections holds the counts of programs whose tasks do something under a lock
// to those of the orders of what is done that differ.
func TestSections(t *testing.T) {
	for _, test := range []struct {
		peer
		ordered int
	}{
		{peer{"empty(5)", emptySections(5, 1), 1}, 120},
		{peer{"empty(3x2)", emptySections(3, 2), 1}, 90},
		{peer{"readers(5)", fiveSections(func(_ int, k *sim.K, x []sim.Word[int]) { x[0].Read(k) }), 1}, 120},
		{peer{"words(5)", fiveSections(func(i int, k *sim.K, x []sim.Word[int]) { x[i].Write(k, 1) }), 1}, 120},
		{peer{"writers(5)", fiveSections(func(i int, k *sim.K, x []sim.Word[int]) { x[0].Write(k, i) }), 120}, 120},
		{peer{"writers(3 of 5)", fiveSections(func(i int, k *sim.K, x []sim.Word[int]) { x[max(i-2, 0)].Write(k, i) }), 6}, 120},
		{peer{"nested(4)", nestedSections(4), 1}, 24},
		{peer{"locks(3x4)", locks(3, 4), 1296}, 1296},
		{peer{"filesystem(16)", filesystem(16), 8}, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, aware := range []bool{false, true} {
				for workers := 1; workers <= 3; workers += 2 {
					want := test.ordered
					if aware {
						want = test.want
					}
					r, err := explore.Run(t.Context(), test.program, explore.Options{LockAware: aware, Workers: workers})
					if err != nil {
						t.Fatal(err)
					}
					if says := strings.Contains(r.Coverage(), "one order of critical sections"); says != aware {
						t.Errorf("lock-aware %t: %s", aware, r.Coverage())
					}
					if r.Executions != want || r.Blocked > 0 && workers == 1 || r.LockAware != aware || r.Verdict() != explore.Clean {
						t.Errorf("lock-aware %t, %d workers: want %d: %s", aware, workers, want, r.Coverage())
					}
				}
			}
		})
	}
}

// sectionProgram is a program whose tasks mostly take locks.
type sectionProgram program

func (p sectionProgram) String() string { return program(p).String() }

// The verbs of a task, and of what may stand in a section. Those that nobody may
// do in a section that is a step are rare there.
var (
	sectionActs  = []string{"lock", "lock", "lock", "lock", "spin", "in_lock", "get", "set", "read", "write", "xchg", "if", "rarely"}
	sectionInner = []string{"get", "set", "get", "set", "read", "write", "xchg", "if", "add", "rarely"}
	sectionRare  = []string{"trylock", "locked", "nest", "choose", "irq", "wake", "sleep", "wait", "complete", "await", "spin_read", "free", "get_in", "set_in", "assume", "nil"}
)

func sectionBody(verbs []string, least, most int, rare []string) *rapid.Generator[[]act] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		a := act{
			verb:  rapid.SampledFrom(verbs).Draw(t, "verb"),
			which: rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "which"),
			value: rapid.IntRange(0, 2).Draw(t, "value"),
		}
		if a.verb == "rarely" {
			a.verb = rapid.SampledFrom(append([]string{"read", "write"}, rare...)).Draw(t, "rarely")
		}
		switch a.verb {
		case "lock", "spin", "in_lock", "if", "nest", "irq", "trylock":
			if most > 1 {
				a.body = sectionBody(sectionInner, 0, min(most-1, 2), rare).Draw(t, "body")
			}
		}
		return a
	}), least, most)
}

func sectionPrograms(rare []string) *rapid.Generator[sectionProgram] {
	return rapid.Custom(func(t *rapid.T) sectionProgram {
		p := make(sectionProgram, rapid.IntRange(2, 3).Draw(t, "tasks"))
		for i := range p {
			p[i] = sectionBody(sectionActs, 2, 6-len(p), rare).Draw(t, fmt.Sprint("t", i))
		}
		return p
	})
}

// sectionWorld is what the tasks share.
type sectionWorld struct {
	lock, in [2]sim.Mutex
	spin     sim.SpinLock
	x        [2]sim.Word[int]
	n        sim.AtomicOf[int32]
	cell     [2]sim.Cell[int]
	life     sim.Life
	inCell   sim.Cell[int]
	done     sim.Completion
	queue    sim.WaitQueue
	log      map[string][]int
}

var _ = sim.Plumbing("section_act", "section_acts")

func s0(k *sim.K, w *sectionWorld, acts []act) { w.sectionActs(k, acts) }
func s1(k *sim.K, w *sectionWorld, acts []act) { w.sectionActs(k, acts) }
func s2(k *sim.K, w *sectionWorld, acts []act) { w.sectionActs(k, acts) }

func (p sectionProgram) program(daemons bool, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &sectionWorld{log: map[string][]int{}}
		k.Born(&w.life, "life")
		for i := range 2 {
			k.MutexInit(&w.lock[i], fmt.Sprint("lock", i))
			k.MutexInit(&w.in[i], fmt.Sprint("in", i))
			w.in[i].In(&w.life)
			w.x[i].Init(k, fmt.Sprint("x", i), 0)
			w.cell[i].Init(k, fmt.Sprint("cell", i))
		}
		k.SpinLockInit(&w.spin, "spin")
		w.n.Init(k, "n", 0)
		w.inCell.Init(k, "in_cell")
		w.inCell.In(&w.life)
		k.InitCompletion(&w.done, "done")
		k.InitWaitqueueHead(&w.queue, "queue")
		add := m.Go
		if daemons {
			add = m.Daemon
		}
		for i, acts := range p {
			body := []func(*sim.K, *sectionWorld, []act){s0, s1, s2}[i]
			add(fmt.Sprint("t", i), func(k *sim.K) { body(k, w, acts) })
		}
		m.After(func(*sim.K) {
			observe(fmt.Sprint(w.x[0].Peek(), w.x[1].Peek(), w.cell[0].Peek(), w.cell[1].Peek(), w.inCell.Peek(), w.life.Alive(), w.n.Peek(), " ", w.log))
		})
	}
}

func (w *sectionWorld) sectionActs(k *sim.K, acts []act) {
	for _, a := range acts {
		w.sectionAct(k, a)
	}
}

func (w *sectionWorld) sectionAct(k *sim.K, a act) {
	x, cell, lock := &w.x[a.which], &w.cell[a.which], &w.lock[a.which]
	saw := func(v int) { w.log[k.Name()] = append(w.log[k.Name()], v) }
	body := func() { w.sectionActs(k, a.body) }
	switch a.verb {
	case "lock", "nest":
		k.MutexLock(lock)
		body()
		k.MutexUnlock(lock)
	case "in_lock":
		k.MutexLock(&w.in[a.which])
		body()
		k.MutexUnlock(&w.in[a.which])
	case "spin":
		flags := k.SpinLockIRQSave(&w.spin)
		body()
		k.SpinUnlockIRQRestore(&w.spin, flags)
	case "trylock":
		if k.MutexTrylock(lock) {
			saw(1)
			body()
			k.MutexUnlock(lock)
		}
	case "locked":
		saw(map[bool]int{true: 1}[k.MutexIsLocked(lock)])
	case "get":
		saw(cell.Get(k))
	case "set":
		cell.Set(k, cell.Get(k)*3+a.value)
	case "read":
		saw(x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "xchg":
		saw(x.Xchg(k, a.value))
	case "add":
		w.n.Add(k, 1)
	case "if":
		if x.Read(k) != 0 {
			body()
		}
	case "choose":
		saw(k.Choose(2, "a way"))
	case "irq":
		k.Interrupt("irq", func(k *sim.K) { w.sectionActs(k, a.body) })
	case "wake":
		k.WakeUp(&w.queue)
	case "sleep":
		k.WaitEvent(&w.queue, func() bool { return x.Read(k) != 0 })
	case "wait":
		k.WaitForCompletion(&w.done)
	case "complete":
		k.Complete(&w.done)
	case "await":
		saw(x.CondLoadAcquire(k, func(v int) bool { return v == a.value }))
	case "spin_read":
		for x.Read(k) == 0 {
		}
	case "free":
		k.Kfree(&w.life)
	case "get_in":
		saw(w.inCell.Get(k))
	case "set_in":
		w.inCell.Set(k, 1)
	case "assume":
		k.Assume(x.Read(k) != 0)
	case "nil":
		var nowhere *sectionWorld
		saw(len(nowhere.log))
	default:
		panic("no verb " + a.verb)
	}
}

// does makes acts by hand.
func does(verb string, which, value int, body ...act) act { return act{verb, which, value, body} }

// A lock whose sections are no steps, because of what is done in them or beside
// them, is treated as ever.
func TestSectionsThatAreNoSteps(t *testing.T) {
	lock := func(body ...act) act { return does("lock", 0, 0, body...) }
	for _, test := range []struct {
		name string
		p    sectionProgram
	}{
		{"trylock", sectionProgram{{lock(does("add", 0, 0)), lock()}, {does("trylock", 0, 0)}}},
		{"is_locked", sectionProgram{{lock(does("add", 0, 0)), lock()}, {does("locked", 0, 0)}}},
		{"seen half done", sectionProgram{{lock(does("write", 0, 1), does("write", 1, 1))}, {does("read", 0, 0), does("read", 1, 0)}}},
		{"sees others half done", sectionProgram{{lock(does("read", 0, 0), does("read", 1, 0))}, {does("write", 0, 1), does("write", 1, 1)}}},
		{"somebody waits for the middle", sectionProgram{{lock(does("write", 0, 1), does("write", 0, 2))}, {does("await", 0, 1)}}},
		{"somebody spins on the middle", sectionProgram{{lock(does("write", 0, 1), does("write", 0, 0))}, {does("spin_read", 0, 0)}}},
		{"another lock within", sectionProgram{{lock(does("nest", 1, 0))}, {does("lock", 1, 0, does("nest", 0, 0))}}},
		{"sleep within", sectionProgram{{lock(does("wait", 0, 0))}, {lock(), does("complete", 0, 0)}}},
		{"spin within", sectionProgram{{lock(does("spin_read", 0, 0))}, {lock(), does("write", 0, 1)}}},
		{"await within", sectionProgram{{lock(does("await", 0, 1))}, {lock(), does("write", 0, 1)}}},
		{"choice within", sectionProgram{{lock(does("choose", 0, 0), does("choose", 1, 0))}, {lock()}}},
		{"interrupt within", sectionProgram{{lock(does("irq", 0, 0, does("set", 0, 1)), does("set", 0, 2))}, {lock()}}},
		{"end within", sectionProgram{{lock(does("assume", 0, 0))}, {lock()}, {does("write", 0, 1)}}},
		{"data race hidden by an order", sectionProgram{{lock(), does("set", 0, 1), lock()}, {lock(), does("get", 0, 0), lock()}}},
		{"data race of one order", sectionProgram{{lock(), does("set", 0, 1), lock()}, {lock(does("get", 0, 0))}}},
		{"data behind the unlock", sectionProgram{{lock(does("set", 0, 1)), does("set", 1, 1)}, {lock(does("set", 0, 1)), does("get", 1, 0)}}},
		{"lock freed before the unlock", sectionProgram{{does("in_lock", 0, 0, does("write", 0, 1))}, {does("await", 0, 1), does("free", 0, 0)}}},
		{"memory used behind the unlock", sectionProgram{{lock(does("write", 0, 1)), does("get_in", 0, 0)}, {does("await", 0, 1), does("free", 0, 0)}}},
		{"wake-up behind the unlock", sectionProgram{{lock(does("write", 0, 1)), does("wake", 0, 0)}, {does("sleep", 0, 0), lock()}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, ok := all(test.p, false, 1e6)
			if !ok {
				t.Fatal("too many executions")
			}
			r := run(t, test.p, false, explore.Options{LockAware: true, SelfCheck: true})
			wantSet(t, "violations", r.titles, want.titles, test.p)
			wantSet(t, "end states", r.ends, want.ends, test.p)
			first := run(t, test.p, false, explore.Options{LockAware: true, MinimiseExecutions: 1})
			if v := first.Verdict(); (v == explore.Violation) != (len(want.titles) > 0) {
				t.Errorf("the verdict is %s", v)
			}
			if plain := run(t, test.p, false, explore.Options{}); r.Executions != plain.Executions {
				t.Errorf("%s, not aware of locks: %s", r.Coverage(), plain.Coverage())
			}
		})
	}
}

// A search that is aware of locks sees the end states and the violations of one
// without any reduction, in no more executions than the one that is not aware.
func TestLockAwareSearchMissesNothing(t *testing.T) {
	for _, test := range []struct {
		name    string
		daemons bool
		draw    func(t *rapid.T) drawn
	}{
		{"sections", true, func(t *rapid.T) drawn { return sectionPrograms(nil).Draw(t, "program") }},
		{"rare sections", false, func(t *rapid.T) drawn { return sectionPrograms(sectionRare).Draw(t, "program") }},
		{"quiet", true, func(t *rapid.T) drawn { return programs(quiet).Draw(t, "program") }},
		{"wild", false, func(t *rapid.T) drawn { return programs(wild).Draw(t, "program") }},
		{"locks", false, func(t *rapid.T) drawn { return programs(lockWild).Draw(t, "program") }},
		{"CPUs", false, func(t *rapid.T) drawn { return cpuPrograms("race").Draw(t, "program") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sum struct{ programs, broken, aware, fewer, executions, of int }
			rapid.Check(t, func(rt *rapid.T) {
				p := test.draw(rt)
				plain := tryRun(rt, p, test.daemons, explore.Options{Executions: mostExecutions})
				if !plain.Complete {
					return
				}
				r := run(rt, p, test.daemons, explore.Options{LockAware: true, SelfCheck: true})
				ends, titles := setOf(plain.ends), setOf(plain.titles)
				if want, ok := all(p, test.daemons, mostExecutions); ok {
					ends, titles = setOf(want.ends), setOf(want.titles)
				}
				wantSet(rt, "violations", r.titles, titles, p)
				wantSet(rt, "end states", r.ends, ends, p)
				sum.programs++
				if len(titles) > 0 {
					sum.broken++
					first := run(rt, p, test.daemons, explore.Options{LockAware: true, MinimiseExecutions: 1})
					if first.Verdict() != explore.Violation {
						rt.Errorf("the verdict is %s%v", first.Verdict(), p)
					}
					return
				}
				if r.Executions > plain.Executions || r.Executions+r.Blocked > plain.Executions+plain.Blocked {
					rt.Errorf("%s, not aware of locks %s%v", r.Coverage(), plain.Coverage(), p)
				}
				if r.LockAware {
					sum.aware++
				}
				if r.Executions < plain.Executions {
					sum.fewer++
				}
				sum.executions += r.Executions
				sum.of += plain.Executions
			})
			t.Logf("%+v", sum)
		})
	}
}

func setOf[V any](m map[string]V) map[string]bool {
	set := map[string]bool{}
	for k := range m {
		set[k] = true
	}
	return set
}

// A search that is aware of locks knows how large it is going to be, and not how large it
// would be if it were not.
func TestEstimatesAreAwareOfLocks(t *testing.T) {
	sections := func(n, times int) sim.Program {
		return func(m *sim.Machine) {
			l, x := mutexes(m, 1), words(m, n)
			tasks(m, n, func(i int, k *sim.K) {
				for j := range times {
					k.MutexLock(&l[0])
					x[max(i-j, 0)].Write(k, i)
					k.MutexUnlock(&l[0])
				}
			})
		}
	}
	for _, test := range []peer{
		{"3 tasks, 3 sections", sections(3, 3), 120}, // 1680 in any order
		{"4 tasks, 3 sections", sections(4, 3), 720},
		{"locks(3x4)", locks(3, 4), 1296},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := explore.Options{LockAware: true, Estimate: 300, Executions: test.want / 10}
			r, err := explore.Run(t.Context(), test.program, o)
			if err != nil {
				t.Fatal(err)
			}
			if e := r.Estimate; e.Probes == 0 || math.Abs(e.Traces-float64(test.want)) > 3*e.Error+float64(test.want)/100 {
				t.Errorf("%s, want %d", r.Coverage(), test.want)
			}
			o.Executions = 0
			if r, err = explore.Run(t.Context(), test.program, o); err != nil || r.Executions != test.want {
				t.Errorf("%v, %s", err, r.Coverage())
			}
		})
	}
}
