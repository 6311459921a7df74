package sim

import "fmt"

// LostWakeup is a task that sleeps for ever because the wake-up did not reach it:
// what it waits for has come true, or it was woken just before it went to sleep.
// The kernel only sees a task that hangs.
var LostWakeup = Kind{"lost-wakeup", "INFO: task hung"}

// hung says whether k, which cannot go on at the end of the execution, should
// have. A kernel thread may sleep in TaskInterruptible until it is needed.
func (k *K) hung() bool {
	idle := k.kthread && k.sleepsFor&woken != 0 && k.state == TaskInterruptible
	return !k.daemon && !idle
}

// stuck judges the tasks that are left at the end of an execution.
func (m *Machine) stuck() *Violation {
	hung := false
	for _, k := range m.live {
		hung = hung || k.hung()
		if !k.daemon && k.condition != nil && k.isTrue(k.condition) {
			return m.lost(k, k.lateWakeUp())
		}
	}
	if !hung {
		return nil
	}
	for _, k := range m.live {
		if k.daemon || k.condition != nil || k.sleepsFor&woken == 0 {
			continue
		}
		log, before := &k.wakes, "it had set its state"
		if k.queue != nil {
			log, before = &k.queue.wakes, "it was on "+k.queue.o.name
		}
		if log.missedBy(k.before) {
			return m.lost(k, fmt.Sprintf("%s sleeps, and was woken %s before %s%s. If that was meant for this sleep, it was lost.",
				k.name, times(log.n), before, log.last()))
		}
	}
	return m.deadlock()
}

// isTrue evaluates a condition at the end of an execution: what it reads is no
// step. If it cannot be evaluated it does not hold.
func (k *K) isTrue(condition func() bool) (yes bool) {
	m := k.m
	pending, asks, at, setup := k.pending, k.asks, k.at, k.setup
	held, records := len(k.held), len(m.records)
	k.setup = true
	defer func() {
		if r := recover(); r != nil && r != errUnwind && !m.oops(k, r) {
			panic(r)
		}
		k.pending, k.asks, k.at, k.setup = pending, asks, at, setup
		k.held, m.records = k.held[:min(held, len(k.held))], m.records[:records]
		m.outcome.Violation, m.aborting = nil, false
	}()
	return condition()
}

// lateWakeUp says why a task that sleeps in wait_event() was not woken.
func (k *K) lateWakeUp() string {
	q := k.queue
	text := k.name + " sleeps in wait_event on " + q.o.name + " although its condition is true: "
	if q.wakes.n == 0 {
		return text + "nobody has woken the queue."
	}
	return text + fmt.Sprintf("the queue was woken %s, and no wake-up has reached the task since the condition came true%s.", times(q.wakes.n), q.wakes.last())
}

// last says who woke last.
func (l *wakeLog) last() string {
	text := "; the last was by " + l.by.name
	if len(l.at) > 0 {
		text += fmt.Sprintf(", at %s (%s:%d)", l.at[0].Func, l.at[0].File, l.at[0].Line)
	}
	return text
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// lost is the violation of k, which sleeps for the given reason.
func (m *Machine) lost(k *K, why string) *Violation {
	v := &Violation{Kind: LostWakeup, Subject: k.name}
	v.Key = mix(mix(LostWakeup.hash(), k.order), hashString(k.pending.call()))
	if m.recording {
		v.write = func(r *splat) {
			r.hung(m)
			r.line("")
			r.line("Lost wake-up: %s", why)
		}
		m.report(k, v, k.at)
		for _, w := range m.live {
			if w.hung() {
				v.Waits = append(v.Waits, w.waits())
			}
		}
	}
	return v
}
