package explore_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"trapline/sim"
)

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
