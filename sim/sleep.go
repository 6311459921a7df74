package sim

// TaskState is what a task has said of itself before it calls schedule(): who
// may wake it.
type TaskState uint8

// The states. A task in TaskRunning does not sleep when it calls Schedule.
const (
	TaskRunning TaskState = iota
	// TaskInterruptible is a sleep that a signal ends as well.
	TaskInterruptible
	TaskUninterruptible
)

// sleeper is what a task has to do with sleeping.
type sleeper struct {
	state     TaskState
	signal    bool // is pending
	sleepsFor Wait
	timeout   *K // wakes the task when it has slept long enough
	// condition is what the task waits for in wait_event().
	condition func() bool
	queue     *WaitQueue // it sleeps on
	wakes     wakeLog    // by WakeUpProcess
	before    clock      // what the task knew when it last set its state
	prepared  bool       // it has set its state, and has not slept since
}

func (s *sleeper) content(Mode) uint64 { return uint64(s.state)<<1 | uint64(flag(s.signal)) }

func (s *sleeper) reset() { *s = sleeper{before: s.before[:0]} }

// sleep blocks k, in a call that op and what describe, until another task has
// called wakeUp for it with one of the ways in w.
func (k *K) sleep(op Op, what *Object, w Wait) { k.sleepIn(opSleep, op, what, w) }

// sleepIn is sleep for a task that waits in its own way, such as spinning.
func (k *K) sleepIn(idle, op Op, what *Object, w Wait) {
	k.wake.name = what.name
	k.inCall, k.waitsFor, k.sleepsFor = op, what, w
	if idle == opSleep {
		k.fallAsleep()
	}
	k.StepWait(idle, &k.wake, Write, w)
	k.waitsFor, k.sleepsFor = nil, 0
}

var (
	opSleep         = NewOp("schedule() on %s")
	opSpins         = NewOp("cpu_relax() on %s")
	opTimeout       = NewOp("process_timeout(%s)")
	opWakeUpProcess = NewOp("wake_up_process(%s)")
	opSendSignal    = NewOp("send_sig(%s)")
	opSignalPending = NewOp("signal_pending(%s)")
	opSetState      = [...]Op{
		NewOp("set_current_state(TASK_RUNNING)"),
		NewOp("set_current_state(TASK_INTERRUPTIBLE)"),
		NewOp("set_current_state(TASK_UNINTERRUPTIBLE)"),
	}
)

// wakeUp lets a sleeping task go on, as part of the step being taken.
func (k *K) wakeUp(sleeper *K, w Wait) {
	k.Touch(&sleeper.wake, Write)
	sleeper.wake.Allow(w)
	if w == woken {
		sleeper.state = TaskRunning
	}
	if sleeper.sleepsFor&w != 0 {
		sleeper.wake.Forbid(timed)
	}
}

// sleepTimeout is sleep with a timeout, which may come whenever the strategy
// likes. It says whether the task was woken in time. It belongs to the step being
// taken, and then is one of its own.
func (k *K) sleepTimeout(op Op, what *Object, w Wait) (inTime bool) {
	if k.timeout == nil && !k.setup {
		k.timeout = k.m.spawn(k, "timeout", true, SoftIRQ, func(t *K) {
			t.late = true
			for {
				t.StepWait(opTimeout, &k.wake, Write, timed)
				k.wake.Forbid(timed)
				k.wake.Allow(expired)
			}
		})
	}
	k.Touch(&k.wake, Write)
	k.wake.Forbid(expired)
	if k.wake.allow&w == 0 {
		k.wake.Allow(timed)
	}
	k.sleep(op, what, w|expired)
	inTime = k.wake.allow&expired == 0
	k.wake.Forbid(timed | expired)
	return inTime
}

// SetCurrentState is set_current_state(): after any state but TaskRunning, a
// Schedule sleeps until a wake-up has come since. The task must test what it
// waits for between the two.
func (k *K) SetCurrentState(state TaskState) {
	k.before = append(k.before[:0], k.clock...)
	k.Step(opSetState[state], &k.wake, Write)
	k.setState(state)
}

func (k *K) setState(state TaskState) {
	k.state = state
	k.prepared = state != TaskRunning
	if state == TaskRunning {
		k.wake.Allow(woken)
	} else {
		k.wake.Forbid(woken)
	}
}

// Schedule is schedule(): unless the task is in TaskRunning, it sleeps until it
// is woken. The queue, for reports, is the one that the task is on, or nil if it
// waits for a WakeUpProcess.
func (k *K) Schedule(q *WaitQueue) {
	k.MightSleep(k.sleepsOn(q).name)
	k.sleep(opSleep, k.sleepsOn(q), woken)
	k.awake()
}

// ScheduleTimeout is schedule_timeout(): Schedule that ends by itself as well,
// at a moment that the strategy chooses. It says whether the task was woken; the
// kernel's returns the time that is left.
func (k *K) ScheduleTimeout(q *WaitQueue) (inTime bool) {
	k.MightSleep(k.sleepsOn(q).name)
	inTime = k.sleepTimeout(opSleep, k.sleepsOn(q), woken)
	k.awake()
	return inTime
}

// sleepsOn notes what k is about to sleep on.
func (k *K) sleepsOn(q *WaitQueue) *Object {
	k.queue = q
	if q == nil {
		return &k.wake
	}
	return &q.o
}

// awake ends a sleep: whatever ended it has made the task runnable.
func (k *K) awake() {
	k.queue = nil
	k.setState(TaskRunning)
}

// WakeUpProcess is wake_up_process(): a sleeping task goes on. It says whether
// the task was asleep or about to be. What has not set its state yet is not kept
// from sleeping. Any context may call it.
func (k *K) WakeUpProcess(p *K) bool {
	epoch := k.clock.at(k.id)
	p.nameWake()
	k.Step(opWakeUpProcess, &p.wake, Write)
	return k.wakeProcess(p, epoch)
}

// wakeProcess wakes p within the step being taken, which began in the given epoch
// of k and uses the object that p sleeps on.
func (k *K) wakeProcess(p *K, epoch uint32) bool {
	asleep := p.wake.allow&(woken|expired) == 0
	p.wakes.note(k, epoch)
	p.wake.Allow(woken)
	p.state = TaskRunning
	if p.sleepsFor&woken != 0 {
		p.wake.Forbid(timed)
	}
	k.m.Fold(uint64(flag(asleep)))
	return asleep
}

// nameWake calls what k sleeps on by its name, unless it is asleep on something.
func (k *K) nameWake() {
	if k.waitsFor == nil {
		k.wake.name = k.name
	}
}

// SendSignal makes a signal pending for a task, as send_sig() does, and wakes it
// if it sleeps in TaskInterruptible. What the signal is does not matter.
func (k *K) SendSignal(p *K) {
	epoch := k.clock.at(k.id)
	p.nameWake()
	k.Step(opSendSignal, &p.wake, Write)
	p.signal = true
	if p.state == TaskInterruptible {
		k.wakeProcess(p, epoch)
	}
}

// SignalPending is signal_pending(current).
func (k *K) SignalPending() bool {
	k.nameWake()
	k.Step(opSignalPending, &k.wake, Read)
	k.m.Fold(uint64(flag(k.signal)))
	return k.signal
}

// wakeLog remembers who woke a task or a queue last.
type wakeLog struct {
	n     int
	by    *K
	epoch uint32
	at    []Frame // when recording
}

// note enters a wake-up by k, in a step that began in the given epoch.
func (l *wakeLog) note(k *K, epoch uint32) {
	l.n++
	l.by, l.epoch = k, epoch
	if k.m.recording {
		l.at = callers()
	}
}

// missedBy says that the last wake-up was not known to a task that knew c: it
// came after, or at the same time as, what the task had done by then.
func (l *wakeLog) missedBy(c clock) bool {
	return l.n > 0 && c.at(l.by.id) < l.epoch
}
