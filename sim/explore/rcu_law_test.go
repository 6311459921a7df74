package explore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// rcuProgram is a drawn program of readers and updaters on one kind of kernel.
type rcuProgram struct {
	model sim.RCUModel
	tasks program
}

func (p rcuProgram) String() string { return fmt.Sprintf("\n\tmodel %d%v", p.model, p.tasks) }

// rcuKinds are the ways to be a reader, and rcuWaits those to wait for readers;
// which of the ones the others wait for is in waitedFor.
var (
	rcuKinds = []string{"rcu", "sched", "bh", "preempt", "bh_off", "irq_off", "spin", "spin_bh", "spin_irq", "trace", "srcu0", "srcu1", "down"}
	rcuWaits = []string{"rcu", "sched", "bh", "tasks", "rude", "trace", "srcu0", "srcu1"}
)

// waitedFor says whether an updater of the second kind waits for a reader of the
// first. It is written down by hand from the kernel's documentation, to hold the
// table of package sim to.
func waitedFor(model sim.RCUModel, reader, updater string) bool {
	sched := []string{"sched", "preempt", "spin", "spin_bh", "spin_irq", "bh", "bh_off", "irq_off", "irq", "softirq"}
	bh := []string{"bh", "bh_off", "spin_bh", "spin_irq", "irq_off", "irq", "softirq"}
	nonPreempt := model == sim.ClassicRCU || model == sim.ConsolidatedNonPreemptRCU
	in := func(set []string) bool { return slices.Contains(set, reader) }
	consolidated := model == sim.ConsolidatedRCU || model == sim.ConsolidatedNonPreemptRCU
	switch updater {
	case "rcu":
		return reader == "rcu" || model != sim.PreemptRCU && in(sched)
	case "sched":
		return in(sched) || model != sim.PreemptRCU && reader == "rcu"
	case "bh":
		return in(bh) || consolidated && (reader == "rcu" || in(sched))
	case "rude":
		return in(sched) || nonPreempt && reader == "rcu"
	case "tasks":
		return true
	case "srcu0":
		return reader == "srcu0" || reader == "down"
	default:
		return reader == updater
	}
}

// rcuWorld is what a drawn program shares, with the oracle: who is inside which
// section, and since when.
type rcuWorld struct {
	model    sim.RCUModel
	x        [2]sim.Word[int]
	spin     [8]sim.SpinLock
	srcu     [2]sim.SRCU
	log      map[string][]int
	sections []*rcuSection
	broken   string
}

// rcuSection is a reader's section as seen from outside: it is certain to have
// begun, and not to have ended, between its first and its last step.
type rcuSection struct {
	kind string
	who  sim.TaskID
	over bool
}

func newRCUWorld(k *sim.K, model sim.RCUModel) *rcuWorld {
	w := &rcuWorld{model: model, log: map[string][]int{}}
	for i := range 2 {
		w.x[i].Init(k, fmt.Sprint("x", i), 0)
		k.InitSRCUStruct(&w.srcu[i], fmt.Sprint("srcu", i))
	}
	for i := range w.spin {
		k.SpinLockInit(&w.spin[i], fmt.Sprint("spin", i))
	}
	return w
}

// read runs body in a section.
func (w *rcuWorld) read(k *sim.K, kind string, lock *sim.SpinLock, body func(k *sim.K)) {
	s := &rcuSection{kind: kind, who: k.ID()}
	within := func(k *sim.K) {
		w.sections = append(w.sections, s)
		body(k)
		s.over = true
	}
	switch kind {
	case "rcu":
		k.RCUReadLock()
		within(k)
		k.RCUReadUnlock()
	case "sched":
		k.RCUReadLockSched()
		within(k)
		k.RCUReadUnlockSched()
	case "bh":
		k.RCUReadLockBH()
		within(k)
		k.RCUReadUnlockBH()
	case "preempt":
		k.PreemptDisable()
		w.settle(k, within)
		k.PreemptEnable()
	case "bh_off":
		k.LocalBHDisable()
		w.settle(k, within)
		k.LocalBHEnable()
	case "irq_off":
		flags := k.LocalIRQSave()
		w.settle(k, within)
		k.LocalIRQRestore(flags)
	case "spin":
		k.SpinLock(lock)
		within(k)
		k.SpinUnlock(lock)
	case "spin_bh":
		k.SpinLockBH(lock)
		within(k)
		k.SpinUnlockBH(lock)
	case "spin_irq":
		flags := k.SpinLockIRQSave(lock)
		within(k)
		k.SpinUnlockIRQRestore(lock, flags)
	case "trace":
		k.RCUReadLockTrace()
		within(k)
		k.RCUReadUnlockTrace()
	case "srcu0", "srcu1":
		s := &w.srcu[kind[4]-'0']
		idx := k.SRCUReadLock(s)
		within(k)
		k.SRCUReadUnlock(s, idx)
	case "down":
		idx := k.SRCUDownRead(&w.srcu[0])
		within(k)
		k.SRCUUpRead(&w.srcu[0], idx)
	case "irq":
		k.Interrupt("irq", func(k *sim.K) {
			s.who = k.ID()
			w.settle(k, within)
		})
	case "softirq":
		k.RaiseSoftirq("softirq", func(k *sim.K) {
			s.who = k.ID()
			w.settle(k, within)
		})
	default:
		panic("no reader " + kind)
	}
}

// settle runs a section that begins with the first step in it.
func (w *rcuWorld) settle(k *sim.K, within func(k *sim.K)) {
	w.log[k.Name()] = append(w.log[k.Name()], w.x[0].Read(k))
	within(k)
}

// inside are the sections that have begun and are not over and that an updater has
// to wait for.
func (w *rcuWorld) inside(k *sim.K, updater string) (now []*rcuSection) {
	for _, s := range w.sections {
		if !s.over && s.who != k.ID() && waitedFor(w.model, s.kind, updater) {
			now = append(now, s)
		}
	}
	return now
}

// synchronize waits for a grace period, and holds it to what it promises.
func (w *rcuWorld) synchronize(k *sim.K, kind string) {
	w.x[1].Read(k) // nobody can move between this step and what is seen here
	before := w.inside(k, kind)
	switch kind {
	case "rcu":
		k.SynchronizeRCU()
	case "sched":
		k.SynchronizeSched()
	case "bh":
		k.SynchronizeRCUBH()
	case "tasks":
		k.SynchronizeRCUTasks()
	case "rude":
		k.SynchronizeRCUTasksRude()
	case "trace":
		k.SynchronizeRCUTasksTrace()
	case "srcu0", "srcu1":
		k.SynchronizeSRCU(&w.srcu[kind[4]-'0'])
	}
	w.promised(before, kind)
}

func (w *rcuWorld) promised(before []*rcuSection, kind string) {
	for _, s := range before {
		if !s.over {
			w.broken = s.kind + " was not waited for by " + kind
		}
	}
}

// callback queues a callback and holds it to the same promise.
func (w *rcuWorld) callback(k *sim.K, kind string, n int) {
	h := new(sim.RCUHead)
	h.Init(k, fmt.Sprint("head", n))
	w.x[1].Read(k)
	before := w.inside(k, kind)
	f := func(k *sim.K) {
		w.promised(before, kind)
		w.log[k.Name()] = append(w.log[k.Name()], n)
		w.x[0].Xchg(k, 3+n)
	}
	switch kind {
	case "rcu":
		k.CallRCU(h, f)
	case "sched":
		k.CallRCUSched(h, f)
	case "bh":
		k.CallRCUBH(h, f)
	case "tasks":
		k.CallRCUTasks(h, f)
	case "rude":
		k.CallRCUTasksRude(h, f)
	case "trace":
		k.CallRCUTasksTrace(h, f)
	case "srcu0", "srcu1":
		k.CallSRCU(&w.srcu[kind[4]-'0'], h, f)
	}
}

func (w *rcuWorld) barrier(k *sim.K, kind string) {
	switch kind {
	case "rcu":
		k.RCUBarrier()
	case "sched":
		k.RCUBarrierSched()
	case "bh":
		k.RCUBarrierBH()
	case "tasks":
		k.RCUBarrierTasks()
	case "rude":
		k.RCUBarrierTasksRude()
	case "trace":
		k.RCUBarrierTasksTrace()
	case "srcu0", "srcu1":
		k.SRCUBarrier(&w.srcu[kind[4]-'0'])
	}
}

// law does the operations of a task.
func (w *rcuWorld) law(k *sim.K, acts []act, spins []*sim.SpinLock) {
	for _, a := range acts {
		x := &w.x[a.which]
		verb, kind, _ := strings.Cut(a.verb, " ")
		switch verb {
		case "read":
			w.log[k.Name()] = append(w.log[k.Name()], x.Read(k))
		case "write":
			x.Xchg(k, a.value)
		case "in":
			rest := spins
			var lock *sim.SpinLock
			if len(spins) > 0 {
				lock, rest = spins[0], spins[1:]
			}
			w.read(k, kind, lock, func(k *sim.K) { w.law(k, a.body, rest) })
		case "wait":
			w.synchronize(k, kind)
		case "call":
			w.callback(k, kind, a.which)
		case "barrier":
			w.barrier(k, kind)
		case "qs":
			k.CondReschedTasksRCUQS()
		case "poll":
			c := k.GetStateSynchronizeRCU()
			x.Read(k)
			if k.PollStateSynchronizeRCU(c) {
				w.log[k.Name()] = append(w.log[k.Name()], 8)
			}
		}
	}
}

func (p rcuProgram) program(observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		m.RCU = p.model
		w := newRCUWorld(m.Setup(), p.model)
		for i, acts := range p.tasks {
			m.Daemon(fmt.Sprint("t", i), func(k *sim.K) {
				w.law(k, acts, []*sim.SpinLock{&w.spin[2*i], &w.spin[2*i+1]})
			})
		}
		m.After(func(*sim.K) {
			observe(fmt.Sprint(w.x[0].Peek(), w.x[1].Peek(), w.log, w.broken))
		})
	}
}

// foretold is a strategy that holds each step to what was known of it before it
// was taken.
type foretold struct {
	*every
	t    rapid.TB
	uses []sim.Access
	at   int // the step that they are of, -1 if none
}

func (s *foretold) Choose(m *sim.Machine, p *sim.Point) int {
	s.compare(m)
	i := s.every.Choose(m, p)
	if p.Tasks != nil {
		s.uses, s.at = m.Pending(p.Tasks[i], s.uses[:0]), p.Step
	}
	return i
}

func (s *foretold) compare(m *sim.Machine) {
	if s.at < 0 || s.at >= len(m.Events()) {
		return
	}
	e := &m.Events()[s.at]
	s.at = -1
	took := m.Accesses(e)
	same := len(s.uses) <= int(e.Known)
	for i, a := range s.uses {
		same = same && took[i].Obj == a.Obj && took[i].Mode == a.Mode
	}
	if !same {
		s.t.Fatalf("%s of %s was to use %v, of which it knew, and used %v, %d of them known", e.Op, m.TaskName(e.Task), s.uses, took, e.Known)
	}
}

// rcuTruth is what a search without reduction sees.
func rcuTruth(t rapid.TB, p rcuProgram, most int) (*truth, bool) {
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	var end string
	prog := p.program(func(e string) { end = e })
	f := &truth{ends: map[string]int{}, traces: map[string]bool{}, titles: map[string]int{}}
	for s := (&foretold{every: new(every), t: t}); ; {
		s.at = -1
		o := m.Run(prog, s)
		s.compare(m)
		if o.Learnt {
			s.every = new(every)
			*f = truth{ends: map[string]int{}, traces: map[string]bool{}, titles: map[string]int{}}
			continue
		}
		f.executions++
		if o.Violation == nil {
			f.ends[end] = 0
			f.traces[foata(m)] = true
		} else {
			f.titles[title(second.Record(prog, sim.NewReplay(m.Schedule())).Violation)] = 0
		}
		if !s.next() {
			return f, true
		}
		if f.executions >= most {
			return nil, false
		}
	}
}

func rcuPrograms(verbs func(t *rapid.T) []string) *rapid.Generator[rcuProgram] {
	return rapid.Custom(func(t *rapid.T) rcuProgram {
		p := rcuProgram{model: sim.RCUModel(rapid.IntRange(0, 3).Draw(t, "model"))}
		kinds := verbs(t)
		updates := rapid.SampledFrom(rcuWaits)
		p.tasks = make(program, rapid.IntRange(2, 3).Draw(t, "tasks"))
		var acts func(most, depth int, outer bool) []act
		acts = func(most, depth int, outer bool) []act {
			var as []act
			for range rapid.IntRange(1, most).Draw(t, "n") {
				a := act{which: rapid.IntRange(0, 1).Draw(t, "which")}
				n := rapid.IntRange(0, 9).Draw(t, "verb")
				switch {
				case n < 2:
					a.verb = "read"
				case n < 3:
					a.verb, a.value = "write", rapid.IntRange(1, 2).Draw(t, "value")
				case n < 7 && depth > 0 || !outer:
					if depth == 0 {
						a.verb = "read"
						break
					}
					a.verb = "in " + rapid.SampledFrom(kinds).Draw(t, "kind")
					a.body = acts(2, depth-1, false)
				case n < 8:
					a.verb = "wait " + updates.Draw(t, "kind")
				case n < 9:
					a.verb = rapid.SampledFrom([]string{"call ", "barrier "}).Draw(t, "call") + updates.Draw(t, "kind")
				default:
					a.verb = rapid.SampledFrom([]string{"qs", "poll"}).Draw(t, "qs")
				}
				as = append(as, a)
			}
			return as
		}
		for i := range p.tasks {
			p.tasks[i] = acts(4-len(p.tasks)+1, 2, true)
		}
		return p
	})
}

// anyReaders are all kinds of readers, and fewReaders two of them, so that they
// meet more often.
func anyReaders(*rapid.T) []string { return append([]string{"irq", "softirq"}, rcuKinds...) }

func fewReaders(t *rapid.T) []string {
	return []string{rapid.SampledFrom(rcuKinds).Draw(t, "one"), rapid.SampledFrom(rcuKinds).Draw(t, "other")}
}

// In every flavour on every kernel, the exhaustive search sees every end state of
// programs of readers, updaters, callbacks and barriers, and the grace periods keep
// what they promise; the bounded search, which knows nothing of traces, sees the
// same.
func TestRCUSearchesAgree(t *testing.T) {
	for name, readers := range map[string]func(*rapid.T) []string{"any": anyReaders, "few": fewReaders} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				wantRCU(rt, rcuPrograms(readers).Draw(rt, "program"), mostExecutions)
			})
		})
	}
}

// Programs in which several grace periods meet the same readers.
func TestRCUProgramsThatMeet(t *testing.T) {
	read := do("read", 0)
	wait, reader := []act{do("wait rcu", 0)}, []act{in("in rcu", 0, read)}
	for _, test := range []struct {
		name string
		p    program
	}{
		{"two waits and a reader", program{wait, wait, reader}},
		{"two readers and a wait", program{wait, reader, reader}},
		{"two waits in turn", program{append(wait, wait...), reader}},
		{"a wait and a callback", program{wait, {do("call rcu", 0)}, reader}},
		{"two callbacks", program{{do("call rcu", 0), do("call rcu", 1)}, reader}},
		{"a callback and a barrier", program{{do("call rcu", 0)}, {do("barrier rcu", 0), read}, reader}},
		{"a poll", program{wait, {do("poll", 0)}, reader}},
		{"a violation beside a reader", program{{in("in rcu", 0, do("wait rcu", 0))}, {in("in spin", 0, read)}, wait}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for model := sim.ConsolidatedRCU; model <= sim.ClassicRCU; model++ {
				wantRCU(t, rcuProgram{model, test.p}, 100_000)
			}
		})
	}
}

// wantRCU compares the searches with one without reduction, unless that takes too
// long, and holds the grace periods to their promise in each of its executions.
func wantRCU(t rapid.TB, p rcuProgram, most int) {
	want, ok := rcuTruth(t, p, most)
	if !ok {
		return
	}
	for _, o := range []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 40}} {
		e := explored{ends: map[string]bool{}, titles: map[string]*explore.Finding{}}
		r, err := explore.Run(context.Background(), p.program(func(end string) { e.ends[end] = true }), o)
		if err != nil {
			t.Fatalf("%v%v", err, p)
		}
		for _, f := range r.Findings {
			e.titles[title(f.Violation)] = f
		}
		wantSet(t, o.Strategy+" violations", e.titles, want.titles, p.tasks)
		if len(want.titles) == 0 {
			wantSet(t, fmt.Sprint(o.Strategy, " end states, model ", p.model), e.ends, want.ends, p.tasks)
			if o.Strategy == "" && (r.Executions != len(want.traces) || r.Blocked > 0) {
				t.Errorf("%d executions and %d blocked for %d traces%v", r.Executions, r.Blocked, len(want.traces), p)
			}
		}
	}
	for end := range want.ends {
		if strings.Contains(end, "was not waited for") {
			t.Errorf("%s%v", end, p)
		}
	}
}
