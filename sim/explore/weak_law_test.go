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

// move is one instruction of a program that both the machine and package memory can
// run: data, so that each does with it what its own verbs are.
type move struct {
	verb   string
	loc    int // of three words
	value  int64
	reg    int
	access memory.Access
	order  memory.Order
	fence  memory.Fence
}

func (i move) String() string {
	return fmt.Sprintf("%s(%c %d r%d a%d o%d %v)", i.verb, "xyz"[i.loc], i.value, i.reg, i.access, i.order, i.fence)
}

var (
	wordMoves    = []string{"load", "store", "load", "store", "copy", "guard", "rmw", "cmpxchg", "fence"}
	lockMoves    = append([]string{"critical", "critical"}, wordMoves...)
	sectionMoves = append([]string{"rcu", "sync", "rcu"}, wordMoves...)
	plainMoves   = append([]string{"get", "set", "get", "set"}, lockMoves...)
	plainRCU     = append([]string{"get", "set", "get", "set"}, sectionMoves...)
)

// The locations of package memory: the words, the plain cell, and the lock.
const (
	cellAt    = 3
	lockAt    = 4
	weakWords = 5
)

// drawMoves draws what each of some tasks does.
func drawMoves(t *rapid.T, verbs []string, tasks, length int) [][]move {
	next := int64(0)
	var one func(depth int, reg *int) []move
	one = func(depth int, reg *int) []move {
		i := move{
			verb:   rapid.SampledFrom(verbs).Draw(t, "verb"),
			loc:    rapid.IntRange(0, 1).Draw(t, "loc"),
			access: rapid.SampledFrom([]memory.Access{memory.Once, memory.Once, memory.Acquire}).Draw(t, "access"),
			order:  rapid.SampledFrom([]memory.Order{memory.Full, memory.Relaxed, memory.AcquireRMW, memory.ReleaseRMW, memory.Void}).Draw(t, "order"),
			fence: rapid.SampledFrom([]memory.Fence{memory.Mb, memory.Mb, memory.Wmb, memory.Rmb, memory.BeforeAtomic,
				memory.AfterAtomic, memory.AfterSpinlock, memory.AfterUnlockLock}).Draw(t, "fence"),
			reg: *reg,
		}
		next++
		i.value = next
		switch i.verb {
		case "load", "rmw", "cmpxchg", "copy", "guard", "get":
			*reg++
		case "critical", "rcu":
			enter, leave := move{verb: "lock"}, move{verb: "unlock"}
			if i.verb == "rcu" {
				enter, leave = move{verb: "rculock"}, move{verb: "rcuunlock"}
			}
			body := []move{enter}
			if depth == 0 {
				for range rapid.IntRange(1, 2).Draw(t, "inside") {
					body = append(body, one(1, reg)...)
				}
			}
			return append(body, leave)
		}
		return []move{i}
	}
	var all [][]move
	for range tasks {
		var code []move
		reg := 0
		for range rapid.IntRange(1, length).Draw(t, "length") {
			code = append(code, one(0, &reg)...)
		}
		all = append(all, code)
	}
	return all
}

// sound says whether there are no critical sections inside of critical sections, and
// no reader waits for itself.
func sound(p [][]move) bool {
	for _, code := range p {
		depth := 0
		for _, i := range code {
			switch i.verb {
			case "lock", "rculock":
				depth++
			case "unlock", "rcuunlock":
				depth--
			case "sync":
				if depth > 0 {
					return false
				}
			}
			if depth > 1 {
				return false
			}
		}
	}
	return true
}

// released is how a store is marked: what is drawn is for loads.
func released(a memory.Access) memory.Access {
	if a == memory.Acquire {
		return memory.Release
	}
	return a
}

// graphProgram makes the program for package memory. Every store depends on every
// load before it, as the machine takes it to.
func graphProgram(p [][]move) memory.Program {
	all := memory.Program{Locations: weakWords}
	for _, code := range p {
		all.Tasks = append(all.Tasks, func(c *memory.Core) {
			d := &depending{c: c, seen: memory.Const(0)}
			for _, i := range code {
				d.run(i)
			}
		})
	}
	return all
}

// depending runs moves, and has all that it has seen flow into what it stores.
type depending struct {
	c    *memory.Core
	seen memory.Value
}

func (d *depending) saw(reg int, v memory.Value) {
	d.c.If(v)
	d.seen = memory.Op(func(a, _ int64) int64 { return a }, d.seen, v)
	d.c.Set(reg, v)
}

func (d *depending) on(v memory.Value) memory.Value {
	return memory.Op(func(a, _ int64) int64 { return a }, v, d.seen)
}

func (d *depending) run(i move) {
	c, at := d.c, memory.Addr(i.loc)
	switch i.verb {
	case "load":
		d.saw(i.reg, c.Load(at, i.access))
	case "store":
		c.Store(at, d.on(memory.Const(i.value)), released(i.access))
	case "copy", "guard":
		v := c.Load(at, i.access)
		d.saw(i.reg, v)
		switch {
		case i.verb == "copy":
			c.Store(memory.Addr(1-i.loc), d.on(v), memory.Once)
		case v.Int() != 0:
			c.Store(memory.Addr(1-i.loc), d.on(memory.Const(i.value)), memory.Once)
		}
	case "rmw":
		v := c.RMW(at, i.order, func(old memory.Value) (memory.Value, bool) {
			return d.on(memory.Op(func(a, _ int64) int64 { return a + 1 }, old, old)), true
		})
		if i.order == memory.Void {
			return // what nobody is told, nobody depends on
		}
		d.saw(i.reg, v)
	case "cmpxchg":
		d.saw(i.reg, c.RMW(at, i.order%memory.Void, func(old memory.Value) (memory.Value, bool) {
			return d.on(memory.Op(func(a, _ int64) int64 { return i.value }, old, old)), old.Int() == 0
		}))
	case "fence":
		c.Fence(i.fence)
	case "sync":
		c.Fence(memory.SyncRCU)
	case "get":
		d.saw(i.reg, c.Load(memory.Addr(cellAt), memory.Plain))
	case "set":
		c.Store(memory.Addr(cellAt), d.on(memory.Const(i.value)), memory.Plain)
	case "lock":
		c.Lock(memory.Addr(lockAt))
	case "unlock":
		c.Unlock(memory.Addr(lockAt))
	case "rculock":
		c.RCULock()
	case "rcuunlock":
		c.RCUUnlock()
	}
}

// weakMachine is what the tasks of such a program share on the machine.
type weakMachine struct {
	x    [3]sim.AtomicLong
	cell sim.Cell[int64]
	lock sim.SpinLock
	regs [][]int64
}

func (w *weakMachine) run(k *sim.K, t int, i move) {
	x := &w.x[i.loc]
	set := func(v int64) {
		for len(w.regs[t]) <= i.reg {
			w.regs[t] = append(w.regs[t], 0)
		}
		w.regs[t][i.reg] = v
	}
	load := func() int64 {
		v := int64(0)
		if i.access == memory.Acquire {
			v = x.ReadAcquire(k)
		} else {
			v = x.Read(k)
		}
		set(v)
		return v
	}
	switch i.verb {
	case "load":
		load()
	case "store":
		if released(i.access) == memory.Release {
			x.SetRelease(k, i.value)
		} else {
			x.Set(k, i.value)
		}
	case "copy":
		w.x[1-i.loc].Set(k, load())
	case "guard":
		if load() != 0 {
			w.x[1-i.loc].Set(k, i.value)
		}
	case "rmw":
		switch i.order {
		case memory.Full:
			set(x.FetchAdd(k, 1))
		case memory.Relaxed:
			set(x.FetchAddRelaxed(k, 1))
		case memory.AcquireRMW:
			set(x.FetchAddAcquire(k, 1))
		case memory.ReleaseRMW:
			set(x.FetchAddRelease(k, 1))
		default:
			x.Inc(k)
		}
	case "cmpxchg":
		f := []func(*sim.K, int64, int64) int64{x.Cmpxchg, x.CmpxchgRelaxed, x.CmpxchgAcquire, x.CmpxchgRelease}
		set(f[i.order%memory.Void](k, 0, i.value))
	case "fence":
		map[memory.Fence]func(*sim.K){
			memory.Mb: (*sim.K).SmpMb, memory.Wmb: (*sim.K).SmpWmb, memory.Rmb: (*sim.K).SmpRmb,
			memory.BeforeAtomic: (*sim.K).SmpMbBeforeAtomic, memory.AfterAtomic: (*sim.K).SmpMbAfterAtomic,
			memory.AfterSpinlock: (*sim.K).SmpMbAfterSpinlock, memory.AfterUnlockLock: (*sim.K).SmpMbAfterUnlockLock,
		}[i.fence](k)
	case "sync":
		k.SynchronizeRCU()
	case "get":
		set(w.cell.Get(k))
	case "set":
		w.cell.Set(k, i.value)
	case "lock":
		k.SpinLock(&w.lock)
	case "unlock":
		k.SpinUnlock(&w.lock)
	case "rculock":
		k.RCUReadLock()
	case "rcuunlock":
		k.RCUReadUnlock()
	}
}

// machineProgram makes the program for the machine, and tells end of each execution
// that breaks no rule.
func machineProgram(p [][]move, end func(string)) sim.Program {
	return func(m *sim.Machine) {
		w, k := &weakMachine{regs: make([][]int64, len(p))}, m.Setup()
		for i := range w.x {
			w.x[i].Init(k, "xyz"[i:i+1], 0)
		}
		w.cell.Init(k, "cell")
		k.SpinLockInit(&w.lock, "lock")
		for t, code := range p {
			m.Go(fmt.Sprint("t", t), func(k *sim.K) {
				for _, i := range code {
					w.run(k, t, i)
				}
			})
		}
		m.After(func(k *sim.K) {
			end(fmt.Sprint(w.regs, w.x[0].Peek(), w.x[1].Peek(), w.x[2].Peek(), w.cell.Peek()))
		})
	}
}

// ends are the end states of the executions that have no data race, whether another
// has one, and how many executions there are.
type ends struct {
	states     map[string]bool
	races      bool
	executions int
}

func graphEnds(t *rapid.T, p [][]move, model memory.Model) ends {
	e := ends{states: map[string]bool{}}
	cover, err := memory.Explore(graphProgram(p), memory.Options{Model: model}, func(s *memory.State) {
		if s.Race {
			e.races = true
			return
		}
		for i := range s.Regs { // a Void operation sets no register
			for len(s.Regs[i]) > 0 && len(s.Regs[i]) > registers(p[i]) {
				s.Regs[i] = s.Regs[i][:len(s.Regs[i])-1]
			}
		}
		e.states[fmt.Sprint(s.Regs, s.Mem[0], s.Mem[1], s.Mem[2], s.Mem[cellAt])] = true
	})
	if err != nil || !cover.Complete {
		t.Fatalf("%v: %+v, %v", p, cover, err)
	}
	e.executions = cover.Executions
	return e
}

func registers(code []move) int {
	n := 0
	for _, i := range code {
		switch i.verb {
		case "rmw":
			if i.order != memory.Void {
				n = i.reg + 1
			}
		case "load", "cmpxchg", "copy", "guard", "get":
			n = i.reg + 1
		}
	}
	return n
}

// readersOnly has grace periods wait for rcu_read_lock only, as the model does. Other
// kernels wait for whoever holds a spinlock, too.
func readersOnly(m *sim.Machine) { m.RCU = sim.PreemptRCU }

func machineEnds(t *rapid.T, p [][]move, model memory.Model) ends {
	e := ends{states: map[string]bool{}}
	r, err := explore.Run(context.Background(), machineProgram(p, func(s string) { e.states[s] = true }), explore.Options{Memory: model, Setup: readersOnly, MinimiseExecutions: 1})
	if err != nil || !r.Complete {
		t.Fatalf("%v under %v: %s, %v", p, model, r.Coverage(), err)
	}
	for _, f := range r.Findings {
		if f.Violation.Kind != sim.DataRace {
			t.Fatalf("%v under %v: %s", p, model, f.Violation.Title)
		}
		e.races = true
	}
	e.executions = r.Executions
	return e
}

// drawCycle draws tasks that access two words each, with something in between, so that
// the words join them to a cycle: the programs that tell models apart.
func drawCycle(t *rapid.T, plain bool) [][]move {
	n := rapid.IntRange(2, 3).Draw(t, "tasks")
	verbs := []string{"load", "store", "load", "store", "rmw"}
	glues := []string{"", "mb", "wmb", "rmb", "lock", "handover", "rcu", "sync", "after_unlock_lock"}
	var all [][]move
	value := int64(0)
	for i := range n {
		var code []move
		for at := range 2 {
			value++
			m := move{
				verb: rapid.SampledFrom(verbs).Draw(t, "verb"), loc: (i + at) % n, value: value, reg: at,
				access: rapid.SampledFrom([]memory.Access{memory.Once, memory.Once, memory.Acquire}).Draw(t, "access"),
				order:  rapid.SampledFrom([]memory.Order{memory.Full, memory.Relaxed, memory.AcquireRMW, memory.ReleaseRMW}).Draw(t, "order"),
			}
			if plain && rapid.IntRange(0, 3).Draw(t, "plain") == 0 {
				m.verb = map[string]string{"load": "get", "store": "set", "rmw": "set"}[m.verb]
			}
			code = append(code, m)
		}
		first, second := code[0], code[1]
		fence := func(f memory.Fence) []move { return []move{first, {verb: "fence", fence: f}, second} }
		switch glue := rapid.SampledFrom(glues).Draw(t, "glue"); glue {
		case "mb":
			code = fence(memory.Mb)
		case "wmb":
			code = fence(memory.Wmb)
		case "rmb":
			code = fence(memory.Rmb)
		case "lock":
			code = []move{{verb: "lock"}, first, second, {verb: "unlock"}}
		case "handover":
			code = []move{{verb: "lock"}, first, {verb: "unlock"}, {verb: "lock"}, second, {verb: "unlock"}}
		case "after_unlock_lock":
			code = []move{{verb: "lock"}, first, {verb: "unlock"}, {verb: "lock"}, {verb: "fence", fence: memory.AfterUnlockLock}, second, {verb: "unlock"}}
		case "rcu":
			code = []move{{verb: "rculock"}, first, second, {verb: "rcuunlock"}}
		case "sync":
			code = []move{first, {verb: "sync"}, second}
		}
		all = append(all, code)
	}
	if rapid.Bool().Draw(t, "observer") {
		all[0] = all[0][len(all[0])-1:] // so that others can tell of it
		if v := all[0][0].verb; v == "unlock" || v == "rcuunlock" {
			all[0] = []move{{verb: "store", value: 9, access: memory.Once}}
		}
	}
	return all
}

func weakPrograms(t *rapid.T, verbs [][]string) [][]move {
	if rapid.Bool().Draw(t, "cycle") {
		return drawCycle(t, slices.Contains(verbs[0], "get"))
	}
	p := drawMoves(t, rapid.SampledFrom(verbs).Draw(t, "verbs"), rapid.IntRange(2, 3).Draw(t, "tasks"), 3)
	if !sound(p) {
		t.Skip()
	}
	size := 0
	for _, code := range p {
		size += len(code)
	}
	if size > 11 {
		t.Skip()
	}
	return p
}

// TestMachineIsTheModel holds the machine to package memory: the same end states and
// no data race under each model, and each execution graph once.
func TestMachineIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := weakPrograms(t, [][]string{wordMoves, lockMoves, sectionMoves})
		for _, model := range []memory.Model{memory.SC, memory.TSO, memory.LKMM} {
			want, got := graphEnds(t, p, model), machineEnds(t, p, model)
			if !maps.Equal(got.states, want.states) || got.races {
				t.Fatalf("%v under %v:\nmachine %v\nmemory  %v", p, model, got, want)
			}
			if model != memory.SC && got.executions != want.executions {
				t.Fatalf("%v under %v: %d executions of the machine, %d graphs", p, model, got.executions, want.executions)
			}
		}
	})
}

// TestMachineIsTheModelOfPlainAccesses does so for plain accesses: a data race is
// found where there is one, and where there is none the end states are the same.
func TestMachineIsTheModelOfPlainAccesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := weakPrograms(t, [][]string{plainMoves, plainRCU})
		want, got := graphEnds(t, p, memory.LKMM), machineEnds(t, p, memory.LKMM)
		switch {
		case got.races != want.races:
			t.Fatalf("%v:\nmachine races: %v\nmemory  races: %v", p, got.races, want.races)
		case !got.races && !maps.Equal(got.states, want.states):
			t.Fatalf("%v:\nmachine %v\nmemory  %v", p, got, want)
		}
	})
}

// TestSamplesAreOfTheModel draws executions: each ends, in a state that the model has.
func TestSamplesAreOfTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := weakPrograms(t, [][]string{wordMoves, lockMoves, sectionMoves})
		model := rapid.SampledFrom([]memory.Model{memory.TSO, memory.LKMM}).Draw(t, "model")
		strategy := rapid.SampledFrom(explore.Samples()).Draw(t, "strategy")
		want := graphEnds(t, p, model)
		r, err := explore.Run(context.Background(), machineProgram(p, func(end string) {
			if !want.states[end] {
				t.Fatalf("%v under %v: %s is not one of %v", p, model, end, want.states)
			}
		}), explore.Options{Memory: model, Setup: readersOnly, Strategy: strategy, Executions: 20, SelfCheck: true})
		if err != nil || r.Blocked > 0 || r.Executions != 20 || len(r.Findings) > 0 {
			t.Fatalf("%v under %v: %s, %v, %v", p, model, r.Coverage(), titles(r), err)
		}
	})
}

// TestMachineForbidsMoreWithoutDependencies compares the machine, which takes every
// store to depend on every load before it, with package memory where no value flows
// from a load into a store: it shows nothing that the model does not allow.
func TestMachineForbidsMoreWithoutDependencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := weakPrograms(t, [][]string{{"load", "store", "load", "store", "fence", "rmw"}})
		q := graphProgram(p)
		q.Tasks = nil
		for _, code := range p {
			q.Tasks = append(q.Tasks, func(c *memory.Core) {
				d := &depending{c: c, seen: memory.Const(0)}
				for _, i := range code {
					before := c.Control()
					d.run(i)
					c.EndIf(before)
					d.seen = memory.Const(0)
				}
			})
		}
		allowed := map[string]bool{}
		if _, err := memory.Explore(q, memory.Options{Model: memory.LKMM}, func(s *memory.State) {
			for i := range s.Regs {
				s.Regs[i] = s.Regs[i][:min(len(s.Regs[i]), registers(p[i]))]
			}
			allowed[fmt.Sprint(s.Regs, s.Mem[0], s.Mem[1], s.Mem[2], s.Mem[cellAt])] = true
		}); err != nil {
			t.Fatal(err)
		}
		for end := range machineEnds(t, p, memory.LKMM).states {
			if !allowed[end] {
				t.Fatalf("%v: %s is not one of %v", p, end, allowed)
			}
		}
	})
}
