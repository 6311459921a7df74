package sim

// Timer is struct timer_list: a function that runs in a softirq, on a CPU of its
// own, some time after the timer was armed. There is no clock: an armed timer may
// expire at any later moment, and does so before the execution ends, unless it is
// deleted. A timer that arms itself again expires a few times at any moment, and
// then only when nobody else can go on. The handler never runs twice at once.
type Timer struct{ s *timer }

type timer struct {
	deferred
	shut bool
}

var (
	opTimerSetup       = NewOp("timer_setup(&%s)")
	opModTimer         = NewOp("mod_timer(&%s)")
	opAddTimer         = NewOp("add_timer(&%s)")
	opTimerDelete      = NewOp("timer_delete(&%s)")
	opTimerDeleteSync  = NewOp("timer_delete_sync(&%s)")
	opTimerShutdown    = NewOp("timer_shutdown(&%s)")
	opTimerShutdownSyn = NewOp("timer_shutdown_sync(&%s)")
	opTimerPending     = NewOp("timer_pending(&%s)")
	opTimerEntry       = NewOp("timer_expire_entry(&%s)")
	opTimerExit        = NewOp("timer_expire_exit(&%s)")
)

// TimerSetup is timer_setup(): handler is what runs when the timer expires. A
// timer that is set up again must not be pending.
func (k *K) TimerSetup(t *Timer, name string, handler func(k *K)) {
	if t.s != nil {
		t.s.step(k, opTimerSetup, Write)
		if t.s.pending {
			k.active(&t.s.deferred, "init")
		}
	}
	s := &timer{}
	k.initDeferred(&s.deferred, name, "("+name+")")
	s.context, s.op = SoftIRQ, opTimerEntry
	s.caller = Frame{Func: "call_timer_fn", File: "sim/timer.go"}
	s.serve = func(k *K) { s.work(k, handler, opTimerExit, &s.dep) }
	t.s = s
}

// In places the timer, which has been set up, inside an allocation: that must not
// be freed while the timer is pending.
func (t *Timer) In(life *Life) { t.s.in(life) }

// of is the timer behind the handle.
func (t *Timer) of(k *K) *timer {
	if t.s == nil {
		k.Fail(&Violation{Kind: NotInitialised, Subject: "timer used before it was initialised"})
	}
	return t.s
}

// ModTimer is mod_timer(): it arms the timer, and says whether it was pending
// already. It does nothing to a timer that was shut down.
func (k *K) ModTimer(t *Timer) bool { return k.armTimer(t.of(k), opModTimer) }

// AddTimer is add_timer(): ModTimer for a timer that must not be pending.
func (k *K) AddTimer(t *Timer) {
	if k.armTimer(t.of(k), opAddTimer) {
		k.misused("add_timer: the timer " + t.s.name + " is pending")
	}
}

func (k *K) armTimer(s *timer, op Op) bool {
	s.step(k, op, Write)
	was := k.noted(s.pending)
	if !s.shut {
		s.ask(k)
		s.let(k)
	}
	return was
}

// TimerDelete is timer_delete(), which was del_timer(): the timer is no longer
// pending, but its handler may be running. It says whether it was pending.
func (k *K) TimerDelete(t *Timer) bool {
	return k.deleteTimer(t.of(k), opTimerDelete)
}

// TimerDeleteSync is timer_delete_sync(), which was del_timer_sync(): it waits
// until the handler is not running and makes the timer not pending. It must not be
// called in hard interrupt context, by the handler, or with a lock that the handler
// takes. It says whether the timer was pending.
func (k *K) TimerDeleteSync(t *Timer) bool {
	return k.deleteTimerSync(t.of(k), opTimerDeleteSync)
}

// TimerShutdown is timer_shutdown(): TimerDelete of a timer that can never be
// armed again.
func (k *K) TimerShutdown(t *Timer) bool {
	was := k.deleteTimer(t.of(k), opTimerShutdown)
	t.s.shut = true
	return was
}

// TimerShutdownSync is timer_shutdown_sync(): TimerDeleteSync of a timer that can
// never be armed again, so that it may be freed even if the handler arms it.
func (k *K) TimerShutdownSync(t *Timer) bool {
	was := k.deleteTimerSync(t.of(k), opTimerShutdownSyn)
	t.s.shut = true
	return was
}

func (k *K) deleteTimer(s *timer, op Op) bool {
	s.step(k, op, Write)
	was := k.noted(s.pending)
	s.withdraw()
	return was
}

func (k *K) deleteTimerSync(s *timer, op Op) bool {
	if k.ctx == HardIRQ || k.ctx == NMI {
		k.misused(ops[op].format[:len(ops[op].format)-len("(&%s)")] + " in hard interrupt context")
	}
	k.acquiring(&s.dep)
	k.StepWait(op, &s.run, Read, idle)
	k.Touch(&s.o, Write)
	s.inside(k)
	was := k.noted(s.pending)
	s.withdraw()
	return was
}

// TimerPending is timer_pending(): the timer is armed. A timer whose handler runs
// is not.
func (k *K) TimerPending(t *Timer) bool {
	t.of(k).step(k, opTimerPending, Read)
	return k.noted(t.s.pending)
}

// noted is the answer of the step being taken.
func (k *K) noted(answer bool) bool {
	k.m.Fold(uint64(flag(answer)))
	if k.Tracing() {
		k.Note("= %t", answer)
	}
	return answer
}
