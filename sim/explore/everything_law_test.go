package explore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// The law of everything: on small drawn programs that mix the primitives of the
// machine, each of which has laws of its own, the searches see what one without any
// reduction sees, and every execution can be run again.

// everything is what the tasks share.
type everything struct {
	p        everyProgram
	x        [2]sim.Word[int]
	a        [2]sim.AtomicInt
	cell     sim.Cell[int]
	field    sim.Bitfield
	flags    sim.Flags
	mutex    [2]sim.Mutex
	spin     sim.SpinLock
	rw       sim.RWLock
	rwsem    sim.RWSem
	percpu   sim.PercpuRWSem
	seq      sim.SeqLock
	done     sim.Completion
	queue    sim.WaitQueue
	timer    sim.Timer
	wq       sim.Workqueue
	serial   sim.Workqueue
	work     [2]sim.Work
	ordered  [2]sim.Work
	delayed  sim.DelayedWork
	thread   sim.Kthread
	srcu     sim.SRCU
	life     sim.Life
	in       sim.Word[int]
	inCell   sim.Cell[int]
	modules  sim.Modules
	mod      sim.Module
	hits     sim.PerCPUInt[int]
	refs     sim.Refcount
	tasks    [3]*sim.K
	handlers func(k *sim.K)
	log      map[string][]int
}

var _ = sim.Plumbing("every_act", "every_acts", "every_sleeper", "every_reader", "every_lock", "every_later", "every_other")

func (p everyProgram) program(_ bool, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		m.RCU, m.CommuteRMW, m.AllocMayFail = p.model, p.commute, true
		w := &everything{p: p, log: map[string][]int{}}
		w.init(m.Setup())
		if p.shared {
			m.ShareCPUs()
		}
		for i, acts := range p.tasks {
			name, body := fmt.Sprint("t", i), []func(*sim.K, *everything, int, []act){e0, e1, e2}[i]
			f := func(k *sim.K) { body(k, w, i, acts) }
			switch {
			case p.on[i] >= 0:
				m.GoOn(p.on[i], name, f)
			case p.daemons:
				m.Daemon(name, f)
			default:
				m.Go(name, f)
			}
		}
		m.After(func(*sim.K) { observe(w.end()) })
	}
}

func (w *everything) init(k *sim.K) {
	for i := range 2 {
		w.x[i].Init(k, fmt.Sprint("x", i), 0)
		w.a[i].Init(k, fmt.Sprint("a", i), 0)
		k.MutexInit(&w.mutex[i], fmt.Sprint("mutex", i))
	}
	w.cell.Init(k, "cell")
	w.field.Init(k, "field")
	w.flags.Init(k, "flags", 0)
	k.SpinLockInit(&w.spin, "spin")
	k.RWLockInit(&w.rw, "rw")
	k.InitRWSem(&w.rwsem, "rwsem")
	k.PercpuInitRWSem(&w.percpu, "percpu")
	k.SeqlockInit(&w.seq, "seq")
	k.InitCompletion(&w.done, "done")
	k.InitWaitqueueHead(&w.queue, "queue")
	w.handlers = func(k *sim.K) { w.everyActs(k, w.p.handler) }
	k.TimerSetup(&w.timer, "tick", w.handlers)
	if w.p.early {
		k.ModTimer(&w.timer)
	}
	k.AllocWorkqueue(&w.wq, "wq")
	k.AllocOrderedWorkqueue(&w.serial, "serial")
	for i := range 2 {
		k.InitWork(&w.work[i], fmt.Sprint("work", i), w.handlers)
		k.InitWork(&w.ordered[i], fmt.Sprint("ordered", i), w.handlers)
	}
	k.InitDelayedWork(&w.delayed, "delayed", w.handlers)
	k.InitSRCUStruct(&w.srcu, "srcu")
	k.Born(&w.life, "life")
	w.in.Init(k, "in", 0)
	w.in.In(&w.life)
	w.inCell.Init(k, "in_cell")
	w.inCell.In(&w.life)
	k.InitModules(&w.modules)
	_ = k.LoadModule(&w.modules, &w.mod, "mod", nil, nil)
	w.hits.Init(k, "hits", 8)
	w.refs.Init(k, "refs", 2)
	if w.p.has("kthread", "kthread_stop") {
		k.KthreadCreate(&w.thread, "thread", func(k *sim.K) int {
			w.handlers(k)
			return w.x[0].Read(k)
		})
	}
}

func (w *everything) end() string {
	var b strings.Builder
	fmt.Fprint(&b, w.x[0].Peek(), w.x[1].Peek(), w.a[0].Peek(), w.a[1].Peek(), w.cell.Peek(), w.field.Peek(sim.Bits{Width: 8}), " ", w.flags.Peek(), w.in.Peek(), w.inCell.Peek(), w.life.Alive(), w.refs.Peek())
	for cpu := range w.hits.CPUs() {
		fmt.Fprint(&b, " ", w.hits.Ptr(cpu).Peek())
	}
	fmt.Fprint(&b, " ", w.log)
	return b.String()
}

// e0, e1 and e2 stand on the stacks of the tasks, so that titles name the task.
func e0(k *sim.K, w *everything, i int, acts []act) { w.everyBody(k, i, acts) }

func e1(k *sim.K, w *everything, i int, acts []act) { w.everyBody(k, i, acts) }

func e2(k *sim.K, w *everything, i int, acts []act) { w.everyBody(k, i, acts) }

var _ = sim.Plumbing("every_body")

func (w *everything) everyBody(k *sim.K, i int, acts []act) {
	w.tasks[i] = k
	if w.p.has("wake_process", "signal", "task_work") {
		w.x[0].Read(k) // by then the others are there
	}
	w.everyActs(k, acts)
}

func (w *everything) everyActs(k *sim.K, acts []act) {
	for _, a := range acts {
		w.everyAct(k, a)
	}
}

func (w *everything) saw(k *sim.K, v int) {
	if !w.p.forgets {
		w.log[k.Name()] = append(w.log[k.Name()], v)
	}
}

func (w *everything) sawBool(k *sim.K, b bool) bool {
	v := 0
	if b {
		v = 1
	}
	w.saw(k, v)
	return b
}

// everyAct does one operation, of which the parts are told apart by what they
// have to do with.
func (w *everything) everyAct(k *sim.K, a act) {
	body := func(k *sim.K) { w.everyActs(k, a.body) }
	if !w.everyWord(k, a) && !w.everyLock(k, a, body) && !w.everySleeper(k, a) && !w.everyLater(k, a) && !w.everyReader(k, a, body) && !w.everyOther(k, a, body) {
		panic("no verb " + a.verb)
	}
}

// everyTitle is title for the rules of which there are more.
func everyTitle(v *sim.Violation) string {
	if v.Kind == sim.IRQOrder {
		return v.Kind.Class
	}
	return title(v)
}

// everyTruth is what a search without reduction sees. It holds every step to what
// was known of it, and runs now and then an execution again on a new machine.
func everyTruth(t rapid.TB, p everyProgram, most int) (*truth, bool) {
	t.Helper()
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	m.MaxSteps = 150
	var end string
	prog := p.program(p.daemons, func(e string) { end = e })
	f, known := &truth{ends: map[string]int{}, traces: map[string]bool{}, titles: map[string]int{}}, map[uint64]bool{}
	for s, learnt := (&foretold{every: new(every), t: t}), 0; ; {
		s.at = -1
		o := m.Run(prog, s)
		s.compare(m)
		switch {
		case o.Learnt:
			if learnt++; learnt > 100 {
				t.Fatalf("the machine learns for ever%v", p)
			}
			s.every = new(every)
			*f, known = truth{ends: map[string]int{}, traces: map[string]bool{}, titles: map[string]int{}}, map[uint64]bool{}
			continue
		case o.Cut:
			return nil, false
		case o.Violation != nil:
			key := o.Violation.Key
			switch o.Violation.Kind {
			case sim.Deadlock, sim.Livelock, sim.LostWakeup, sim.Leak, sim.DataRace:
				key = o.Hash // the title names other places as well
			}
			if !known[key] {
				known[key] = true
				f.titles[everyTitle(again(t, second, prog, m.Schedule(), o, p).Violation)] = 0
			}
		case o.Assumed:
			f.assumed = true
		default:
			f.ends[end] = 0
			f.traces[foata(m)] = true
		}
		if f.executions++; f.executions%64 == 1 {
			anew := sim.NewMachine()
			again(t, anew, prog, m.Schedule(), o, p)
			anew.Close()
		}
		if !s.next() {
			return f, true
		}
		if f.executions >= most {
			return nil, false
		}
	}
}

// again runs a schedule, which has come to o, on another machine.
func again(t rapid.TB, m *sim.Machine, prog sim.Program, schedule sim.Schedule, o sim.Outcome, p drawn) sim.Outcome {
	t.Helper()
	parsed, err := sim.ParseSchedule(schedule.String())
	if err != nil {
		t.Fatalf("%v%v", err, p)
	}
	replay := sim.NewReplay(parsed)
	r := m.Record(prog, replay)
	if err := replay.Done(); err != nil {
		t.Fatalf("the schedule %s: %v%v", schedule, err, p)
	}
	if r.Hash != o.Hash || (r.Violation == nil) != (o.Violation == nil) || r.Steps != o.Steps || r.Assumed != o.Assumed {
		t.Fatalf("the schedule %s comes to %v in %d steps, and then to %v in %d%v", schedule, o.Violation, o.Steps, r.Violation, r.Steps, p)
	}
	return r
}

// wantEverything holds all searches to the truth.
func wantEverything(t rapid.TB, p everyProgram, most int) {
	t.Helper()
	want, ok := everyTruth(t, p, most)
	if !ok {
		return
	}
	for _, o := range []explore.Options{
		{SelfCheck: true},
		{Strategy: explore.Bounded, Preemptions: 60, MinimiseExecutions: 1},
		{Workers: 3},
	} {
		o.MinimiseExecutions = 1
		r := run(t, p, p.daemons, o)
		what := fmt.Sprint(o.Strategy, o.Workers)
		titles := map[string]bool{}
		for _, f := range r.Findings {
			titles[everyTitle(f.Violation)] = true
			anew := sim.NewMachine()
			again(t, anew, p.program(p.daemons, func(string) {}), f.Schedule, sim.Outcome{Hash: f.Hash, Violation: f.Violation, Steps: f.Steps}, p)
			anew.Close()
		}
		wantSet(t, what+" violations", titles, want.titles, p)
		if len(want.titles) > 0 || o.Strategy != explore.Bounded {
			delete(r.ends, "")
		}
		wantSet(t, what+" end states", r.ends, want.ends, p)
		if n := len(want.traces); len(want.titles) == 0 && o.Strategy == "" && !want.assumed {
			if r.Executions != n || r.Blocked > 0 && o.Workers == 0 {
				t.Errorf("%s: %d executions and %d blocked for %d traces%v", what, r.Executions, r.Blocked, n, p)
			}
		}
	}
	prog := p.program(p.daemons, func(string) {})
	if _, err := explore.CheckIndependence(context.Background(), prog, explore.Options{Executions: 20}); err != nil {
		t.Errorf("%v%v", err, p)
	}
	for _, strategy := range explore.Samples() {
		r, err := explore.Run(context.Background(), prog, explore.Options{Strategy: strategy, Executions: 20, SelfCheck: true, MinimiseExecutions: 1})
		if err != nil {
			t.Errorf("%s: %v%v", strategy, err, p)
			continue
		}
		for _, f := range r.Findings {
			if _, ok := want.titles[everyTitle(f.Violation)]; !ok {
				t.Errorf("%s: finds %s, which cannot be%v", strategy, f.Violation.Title, p)
			}
		}
	}
}

func TestEverythingTogether(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		wantEverything(rt, everyPrograms().Draw(rt, "program"), everyExecutions)
	})
}

const everyExecutions = 600
