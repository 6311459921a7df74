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

// The law of everything: on small drawn programs that mix the primitives of the
// machine, each of which has laws of its own, the searches see what one without any
// reduction sees, and every execution can be run again.

// everyKinds are the verbs that a program is drawn from: it mixes a few kinds.
var everyKinds = [][]string{
	{"read", "write", "xchg", "cmpxchg"},
	{"inc", "inc_return", "dec_and_test", "add_unless", "set", "atomic_read"},
	{"spin_read", "spin_two", "spin_cmpxchg", "spin_some", "spin_atomic", "write", "xchg"},
	{"await", "await_atomic", "inc", "write", "xchg"},
	{"cell", "get", "set_cell", "bitfield"},
	{"set_bit", "test_and_set_bit", "test_bit", "clear_bit", "set_bit_plain"},
	{"mutex", "mutex", "mutex_try", "locked"},
	{"spin", "spin_irq", "spin_bh", "spin_try"},
	{"rw_read", "rw_write", "rw_try"},
	{"down_read", "down_write", "down_try", "down_write_try", "downgrade"},
	{"percpu_read", "percpu_write", "percpu_try"},
	{"seq_read", "seq_write"},
	{"wait", "wait_timeout", "try_wait", "complete", "complete_all"},
	{"wait_event", "wait_event_timeout", "wait_exclusive", "wake", "wake_all", "write"},
	{"sleep", "wake_process", "signal"},
	{"mod_timer", "timer_delete", "timer_delete_sync", "timer_pending"},
	{"queue", "queue_ordered", "queue_delayed", "cancel", "cancel_sync", "flush", "flush_wq"},
	{"kthread", "kthread_stop"},
	{"task_work", "return_to_user"},
	{"rcu", "rcu", "sync_rcu", "call_rcu", "barrier", "poll"},
	{"rcu", "rcu_sched", "rcu_bh", "sync_sched", "sync_bh", "sync_rcu", "call_sched"},
	{"rcu_trace", "sync_trace", "sync_tasks", "sync_rude", "call_tasks", "qs"},
	{"srcu", "srcu", "sync_srcu", "call_srcu", "barrier_srcu"},
	{"preempt", "bh", "irqs", "trap"},
	{"irq", "softirq"},
	{"irq_on", "softirq_on", "nmi_on", "irq_on"},
	{"ipi", "ipi_wait", "stop_machine"},
	{"choose", "alloc", "assume"},
	{"use", "get_in", "free"},
	{"module_get", "module_call", "module_call_safely", "unload"},
	{"this_cpu_inc", "this_cpu_read", "slot_get", "sum"},
	{"ref_inc", "ref_put", "ref_inc_not_zero", "ref_read"},
}

// everyKindsWith are the kinds that have one of the verbs.
func everyKindsWith(verbs ...string) [][]string {
	return slices.DeleteFunc(slices.Clone(everyKinds), func(kind []string) bool {
		return !slices.ContainsFunc(kind, func(verb string) bool { return slices.Contains(verbs, verb) })
	})
}

// everyFields are the kinds by what they have to do with, for laws that are to see
// enough of each.
var everyFields = []struct {
	name  string
	kinds [][]string
}{
	{"everything", everyKinds},
	{"CPUs", everyKindsWith("preempt", "irq", "irq_on", "ipi", "xchg", "spin_irq", "this_cpu_inc")},
	{"RCU", everyKindsWith("rcu", "rcu_trace", "srcu", "xchg", "preempt")},
	{"loops", everyKindsWith("spin_read", "await", "inc", "mutex_try", "irq_on")},
	{"sleepers", everyKindsWith("wait", "wait_event", "sleep", "task_work", "kthread", "xchg", "queue", "mod_timer")},
}

var (
	// everyNest are the verbs with operations inside.
	everyNest = []string{
		"mutex", "mutex_try", "spin", "spin_irq", "spin_bh", "spin_try", "rw_read", "rw_write", "down_read", "down_write", "down_try",
		"percpu_read", "percpu_write", "seq_write", "rcu", "rcu_sched", "rcu_bh", "rcu_trace", "srcu", "preempt", "bh", "irqs", "trap",
		"irq", "softirq", "irq_on", "softirq_on", "nmi_on", "ipi", "ipi_wait", "module_call", "module_call_safely",
	}
	// Those of them that mere mortals may sleep in.
	everySleepable = []string{"mutex", "mutex_try", "down_read", "down_write", "down_try", "percpu_read", "percpu_write", "rcu_trace", "srcu", "module_call", "module_call_safely"}
	// everyLock are the verbs that a tame program does not put into others, so as
	// not to ask for a lock twice or in two orders, and those that sleep.
	everyLock = []string{
		"mutex", "spin", "spin_irq", "spin_bh", "spin_try", "rw_read", "rw_write", "rw_try", "down_read", "down_write", "downgrade", "percpu_read", "percpu_write",
		"seq_read", "seq_write", "cell", "unload", "stop_machine", "ipi", "ipi_wait", "mutex_try", "down_try", "down_write_try", "percpu_try",
	}
	everySleep = []string{
		"wait", "wait_timeout", "wait_event", "wait_event_timeout", "wait_exclusive", "sleep", "cancel_sync", "flush", "flush_wq", "kthread_stop", "sync_rcu",
		"barrier", "sync_sched", "sync_bh", "sync_trace", "sync_tasks", "sync_rude", "sync_srcu", "barrier_srcu", "alloc", "timer_delete_sync",
		"return_to_user", "spin_read", "spin_two", "spin_cmpxchg", "spin_atomic", "await", "await_atomic",
	}
)

// everyProgram is a drawn program.
type everyProgram struct {
	on      []int // the CPU of each task, -1 for none
	shared  bool  // unbound CPUs can be interrupted, too
	commute bool
	daemons bool
	early   bool // the timer is armed by the setup
	// forgets has the tasks keep nothing of what they see, so that they may forget it.
	forgets bool
	model   sim.RCUModel
	handler []act // what timers, work items, threads and callbacks do
	tasks   program
}

func (p everyProgram) String() string {
	return fmt.Sprintf("\n\ton %v, shared %t, commute %t, daemons %t, early %t, model %d, handlers %v%v", p.on, p.shared, p.commute, p.daemons, p.early, p.model, p.handler, p.tasks)
}

func everyActs(verbs []string, wild bool, most, depth int) *rapid.Generator[[]act] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		a := act{
			verb:  rapid.SampledFrom(verbs).Draw(t, "verb"),
			which: rapid.IntRange(0, 1).Draw(t, "which"),
			value: rapid.IntRange(0, 2).Draw(t, "value"),
		}
		if !slices.Contains(everyNest, a.verb) || depth == 0 {
			return a
		}
		inner := verbs
		if !wild {
			inner = slices.DeleteFunc(slices.Clone(verbs), func(v string) bool {
				return slices.Contains(everyLock, v) || slices.Contains(everySleep, v) && !slices.Contains(everySleepable, a.verb)
			})
		}
		inner = append(slices.Clip(inner), "read", "xchg")
		a.body = everyActs(inner, wild, 2, depth-1).Draw(t, "body")
		return a
	}), 1, most)
}

func everyPrograms() *rapid.Generator[everyProgram] { return everyProgramsOf(everyKinds) }

// everyProgramsOf draws programs that mix some of these kinds.
func everyProgramsOf(kinds [][]string) *rapid.Generator[everyProgram] {
	return rapid.Custom(func(t *rapid.T) everyProgram {
		n := rapid.IntRange(2, 3).Draw(t, "tasks")
		p := everyProgram{on: make([]int, n), tasks: make(program, n)}
		p.shared = rapid.IntRange(0, 2).Draw(t, "shared") == 2
		p.commute = rapid.IntRange(0, 2).Draw(t, "commute") == 2
		p.daemons = rapid.IntRange(0, 3).Draw(t, "daemons") > 0
		p.early = rapid.IntRange(0, 7).Draw(t, "early") == 7
		p.model = sim.RCUModel(rapid.IntRange(0, 3).Draw(t, "model"))
		wild := rapid.IntRange(0, 3).Draw(t, "wild") == 3
		var verbs []string
		for range rapid.IntRange(2, 4).Draw(t, "kinds") {
			verbs = append(verbs, rapid.SampledFrom(kinds).Draw(t, "kind")...)
		}
		p.handler = everyActs([]string{"read", "xchg", "inc_return", "complete", "wake", "write"}, false, 2, 0).Draw(t, "handler")
		for i := range p.tasks {
			p.on[i] = rapid.SampledFrom([]int{-1, -1, -1, 0, 0, 1}).Draw(t, "on")
			p.tasks[i] = everyActs(verbs, wild, 6-n, 2).Draw(t, fmt.Sprint("t", i))
		}
		return p
	})
}

// has says whether some act of the program has one of the verbs.
func (p everyProgram) has(verbs ...string) bool {
	var in func(acts []act) bool
	in = func(acts []act) bool {
		return slices.ContainsFunc(acts, func(a act) bool { return slices.Contains(verbs, a.verb) || in(a.body) })
	}
	return slices.ContainsFunc(p.tasks, in)
}

// cpuOf is the number of the CPU of a task, false if it cannot be interrupted.
func (p everyProgram) cpuOf(task int) (int, bool) {
	task %= len(p.on)
	if p.on[task] >= 0 {
		return p.on[task], true
	}
	n := slices.Max(p.on) + 1
	for _, on := range p.on[:task] {
		if on < 0 {
			n++
		}
	}
	return n, p.shared
}

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

func (w *everything) everyWord(k *sim.K, a act) bool {
	x, c := &w.x[a.which], &w.a[a.which]
	switch a.verb {
	case "read":
		w.saw(k, x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "xchg":
		w.saw(k, x.Xchg(k, a.value))
	case "cmpxchg":
		w.saw(k, x.Cmpxchg(k, 0, a.value))
	case "inc":
		c.Inc(k)
	case "inc_return":
		w.saw(k, int(c.IncReturn(k)))
	case "dec_and_test":
		w.sawBool(k, c.DecAndTest(k))
	case "add_unless":
		w.sawBool(k, c.AddUnless(k, 2, 0))
	case "set":
		c.Set(k, int32(a.value))
	case "atomic_read":
		w.saw(k, int(c.Read(k)))
	case "spin_read":
		for x.Read(k) == 0 {
		}
	case "spin_two":
		for x.Read(k) == 0 && w.x[1-a.which].Read(k) == 0 {
		}
	case "spin_cmpxchg":
		for x.Cmpxchg(k, 0, 1) != 0 {
		}
		x.Write(k, 0)
	case "spin_some":
		for i := 0; i < 2 && x.Read(k) == 0; i++ {
		}
	case "spin_atomic":
		for c.Read(k) == 0 {
		}
	case "await":
		w.saw(k, x.CondLoadAcquire(k, func(v int) bool { return v > 0 }))
	case "await_atomic":
		w.saw(k, int(c.CondReadAcquire(k, func(v int32) bool { return v >= 1 })))
	case "get":
		w.saw(k, w.cell.Get(k))
	case "set_cell":
		w.cell.Set(k, a.value)
	case "bitfield":
		w.field.Set(k, sim.Bits{Shift: 4 * a.which, Width: 4}, 3)
	case "set_bit":
		k.SetBit(a.which, &w.flags)
	case "test_and_set_bit":
		w.sawBool(k, k.TestAndSetBit(a.which, &w.flags))
	case "test_bit":
		w.sawBool(k, k.TestBit(a.which, &w.flags))
	case "clear_bit":
		k.ClearBit(a.which, &w.flags)
	case "set_bit_plain":
		k.SetBitNonatomic(2, &w.flags)
	case "this_cpu_inc":
		w.hits.Inc(k)
	case "this_cpu_read":
		w.saw(k, w.hits.Read(k))
	case "slot_get":
		w.saw(k, w.hits.Ptr(a.which).Get(k))
	case "sum":
		w.saw(k, w.hits.Ptr(0).ReadOnce(k)+w.hits.Ptr(1).ReadOnce(k))
	case "ref_inc":
		k.RefcountInc(&w.refs)
	case "ref_put":
		w.sawBool(k, k.RefcountDecAndTest(&w.refs))
	case "ref_inc_not_zero":
		w.sawBool(k, k.RefcountIncNotZero(&w.refs))
	case "ref_read":
		w.saw(k, int(k.RefcountRead(&w.refs)))
	default:
		return false
	}
	return true
}

func (w *everything) everyLock(k *sim.K, a act, body func(k *sim.K)) bool {
	switch a.verb {
	case "cell":
		k.MutexLock(&w.mutex[0])
		w.cell.Set(k, w.cell.Get(k)+1)
		k.MutexUnlock(&w.mutex[0])
	case "mutex":
		k.MutexLock(&w.mutex[a.which])
		body(k)
		k.MutexUnlock(&w.mutex[a.which])
	case "mutex_try":
		if w.sawBool(k, k.MutexTrylock(&w.mutex[a.which])) {
			body(k)
			k.MutexUnlock(&w.mutex[a.which])
		}
	case "locked":
		w.sawBool(k, k.MutexIsLocked(&w.mutex[a.which]))
	case "spin":
		k.SpinLock(&w.spin)
		body(k)
		k.SpinUnlock(&w.spin)
	case "spin_irq":
		flags := k.SpinLockIRQSave(&w.spin)
		body(k)
		k.SpinUnlockIRQRestore(&w.spin, flags)
	case "spin_bh":
		k.SpinLockBH(&w.spin)
		body(k)
		k.SpinUnlockBH(&w.spin)
	case "spin_try":
		if w.sawBool(k, k.SpinTrylock(&w.spin)) {
			body(k)
			k.SpinUnlock(&w.spin)
		}
	case "rw_read":
		flags := k.ReadLockIRQSave(&w.rw)
		body(k)
		k.ReadUnlockIRQRestore(&w.rw, flags)
	case "rw_write":
		flags := k.WriteLockIRQSave(&w.rw)
		body(k)
		k.WriteUnlockIRQRestore(&w.rw, flags)
	case "rw_try":
		if w.sawBool(k, k.WriteTrylock(&w.rw)) {
			k.WriteUnlock(&w.rw)
		}
	case "down_read":
		k.DownRead(&w.rwsem)
		body(k)
		k.UpRead(&w.rwsem)
	case "down_write":
		k.DownWrite(&w.rwsem)
		body(k)
		k.UpWrite(&w.rwsem)
	case "down_try":
		if w.sawBool(k, k.DownReadTrylock(&w.rwsem)) {
			body(k)
			k.UpRead(&w.rwsem)
		}
	case "down_write_try":
		if w.sawBool(k, k.DownWriteTrylock(&w.rwsem)) {
			k.UpWrite(&w.rwsem)
		}
	case "downgrade":
		k.DownWrite(&w.rwsem)
		k.DowngradeWrite(&w.rwsem)
		k.UpRead(&w.rwsem)
	case "percpu_read":
		k.PercpuDownRead(&w.percpu)
		body(k)
		k.PercpuUpRead(&w.percpu)
	case "percpu_write":
		k.PercpuDownWrite(&w.percpu)
		body(k)
		k.PercpuUpWrite(&w.percpu)
	case "percpu_try":
		if w.sawBool(k, k.PercpuDownReadTrylock(&w.percpu)) {
			k.PercpuUpRead(&w.percpu)
		}
	case "seq_read":
		for {
			seq := k.ReadSeqbegin(&w.seq)
			v := w.x[a.which].Read(k)
			if !k.ReadSeqretry(&w.seq, seq) {
				w.saw(k, v)
				break
			}
		}
	case "seq_write":
		flags := k.WriteSeqlockIRQSave(&w.seq)
		body(k)
		k.WriteSequnlockIRQRestore(&w.seq, flags)
	default:
		return false
	}
	return true
}

func (w *everything) everySleeper(k *sim.K, a act) bool {
	isSet := func() bool { return w.x[a.which].Read(k) != 0 }
	other := w.tasks[a.value%len(w.p.tasks)]
	switch a.verb {
	case "wait":
		k.WaitForCompletion(&w.done)
	case "wait_timeout":
		w.sawBool(k, k.WaitForCompletionTimeout(&w.done))
	case "try_wait":
		w.sawBool(k, k.TryWaitForCompletion(&w.done))
	case "complete":
		k.Complete(&w.done)
	case "complete_all":
		k.CompleteAll(&w.done)
	case "wait_event":
		k.WaitEvent(&w.queue, isSet)
	case "wait_event_timeout":
		w.sawBool(k, k.WaitEventTimeout(&w.queue, isSet))
	case "wait_exclusive":
		k.WaitEventExclusive(&w.queue, isSet)
	case "wake":
		k.WakeUp(&w.queue)
	case "wake_all":
		k.WakeUpAll(&w.queue)
	case "sleep":
		k.SetCurrentState(sim.TaskInterruptible)
		if !isSet() {
			k.Schedule(nil)
		} else {
			k.SetCurrentState(sim.TaskRunning)
		}
	case "wake_process":
		w.sawBool(k, k.WakeUpProcess(other))
	case "signal":
		k.SendSignal(other)
	default:
		return false
	}
	return true
}

func (w *everything) everyLater(k *sim.K, a act) bool {
	switch a.verb {
	case "mod_timer":
		w.sawBool(k, k.ModTimer(&w.timer))
	case "timer_delete":
		w.sawBool(k, k.TimerDelete(&w.timer))
	case "timer_delete_sync":
		w.sawBool(k, k.TimerDeleteSync(&w.timer))
	case "timer_pending":
		w.sawBool(k, k.TimerPending(&w.timer))
	case "queue":
		w.sawBool(k, k.QueueWork(&w.wq, &w.work[a.which]))
	case "queue_ordered":
		w.sawBool(k, k.QueueWork(&w.serial, &w.ordered[a.which]))
	case "queue_delayed":
		w.sawBool(k, k.QueueDelayedWork(&w.wq, &w.delayed))
	case "cancel":
		w.sawBool(k, k.CancelWork(&w.work[a.which]))
	case "cancel_sync":
		w.sawBool(k, k.CancelWorkSync(&w.work[a.which]))
	case "flush":
		w.sawBool(k, k.FlushWork(&w.work[a.which]))
	case "flush_wq":
		k.FlushWorkqueue([]*sim.Workqueue{&w.wq, &w.serial}[a.which])
	case "kthread":
		k.WakeUpKthread(&w.thread)
	case "kthread_stop":
		w.saw(k, k.KthreadStop(&w.thread))
	case "task_work":
		w.sawBool(k, k.TaskWorkAdd(w.tasks[a.value%len(w.p.tasks)], w.handlers) == nil)
	case "return_to_user":
		if k.Context() == sim.Task {
			k.ReturnToUser()
		}
	default:
		return false
	}
	return true
}

func (w *everything) everyReader(k *sim.K, a act, body func(k *sim.K)) bool {
	head := func() *sim.RCUHead {
		h := new(sim.RCUHead)
		h.Init(k, "head")
		return h
	}
	switch a.verb {
	case "rcu":
		k.RCUReadLock()
		body(k)
		k.RCUReadUnlock()
	case "rcu_sched":
		k.RCUReadLockSched()
		body(k)
		k.RCUReadUnlockSched()
	case "rcu_bh":
		k.RCUReadLockBH()
		body(k)
		k.RCUReadUnlockBH()
	case "rcu_trace":
		k.RCUReadLockTrace()
		body(k)
		k.RCUReadUnlockTrace()
	case "srcu":
		idx := k.SRCUReadLock(&w.srcu)
		body(k)
		k.SRCUReadUnlock(&w.srcu, idx)
	case "sync_rcu":
		k.SynchronizeRCU()
	case "sync_sched":
		k.SynchronizeSched()
	case "sync_bh":
		k.SynchronizeRCUBH()
	case "sync_trace":
		k.SynchronizeRCUTasksTrace()
	case "sync_tasks":
		k.SynchronizeRCUTasks()
	case "sync_rude":
		k.SynchronizeRCUTasksRude()
	case "sync_srcu":
		k.SynchronizeSRCU(&w.srcu)
	case "call_rcu":
		k.CallRCU(head(), w.handlers)
	case "call_sched":
		k.CallRCUSched(head(), w.handlers)
	case "call_tasks":
		k.CallRCUTasks(head(), w.handlers)
	case "call_srcu":
		k.CallSRCU(&w.srcu, head(), w.handlers)
	case "barrier":
		k.RCUBarrier()
	case "barrier_srcu":
		k.SRCUBarrier(&w.srcu)
	case "poll":
		c := k.GetStateSynchronizeRCU()
		w.x[a.which].Read(k)
		w.sawBool(k, k.PollStateSynchronizeRCU(c))
	case "qs":
		k.CondReschedTasksRCUQS()
	default:
		return false
	}
	return true
}

func (w *everything) everyOther(k *sim.K, a act, body func(k *sim.K)) bool {
	cpu, can := w.p.cpuOf(a.value)
	switch a.verb {
	case "preempt":
		k.PreemptDisable()
		body(k)
		k.PreemptEnable()
	case "bh":
		k.LocalBHDisable()
		body(k)
		k.LocalBHEnable()
	case "irqs":
		flags := k.LocalIRQSave()
		body(k)
		k.LocalIRQRestore(flags)
	case "trap":
		k.Exception("int3", body)
	case "irq":
		k.Interrupt("irq", body)
	case "softirq":
		k.RaiseSoftirq("softirq", body)
	case "irq_on":
		if can {
			k.InterruptOn(cpu, "irq", body)
		}
	case "softirq_on":
		if can {
			k.SoftirqOn(cpu, "softirq", body)
		}
	case "nmi_on":
		if can {
			k.NMIOn(cpu, "nmi", body)
		}
	case "ipi":
		if w.p.shared && can {
			k.SmpCallFunctionSingle(cpu, body, a.which > 0)
		}
	case "ipi_wait":
		if w.p.shared {
			k.OnEachCPU(body, true)
		}
	case "stop_machine":
		if w.p.shared {
			k.StopMachine(func(k *sim.K) { w.saw(k, w.x[a.which].Xchg(k, 5)) })
		}
	case "choose":
		w.saw(k, k.Choose(2+a.which, "a way"))
	case "alloc":
		l := new(sim.Life)
		if w.sawBool(k, k.Kzalloc(l, "object", sim.GFPKernel) == nil) {
			k.Kfree(l)
		}
	case "assume":
		k.Assume(w.x[a.which].Read(k) == 0)
	case "use":
		w.saw(k, w.in.Read(k))
	case "get_in":
		w.saw(k, w.inCell.Get(k))
	case "free":
		k.Kfree(&w.life)
	case "module_get":
		if w.sawBool(k, k.TryModuleGet(&w.mod)) {
			k.ModulePut(&w.mod)
		}
	case "module_call":
		w.mod.Call(k, body)
	case "module_call_safely":
		if w.sawBool(k, k.TryModuleGet(&w.mod)) {
			w.mod.Call(k, body)
			k.ModulePut(&w.mod)
		}
	case "unload":
		w.sawBool(k, k.DeleteModule(&w.mod) == nil)
	case "forget":
		k.Forget(a.value)
	default:
		return false
	}
	return true
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
