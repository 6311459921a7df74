package linux

import (
	"slices"

	"trapline/sim"
)

// A clock is the virtual time, and who waits for it.
type clock struct {
	now   int64      // nanoseconds since the start
	asked sim.Object // allows idle while there is somebody to wait for the time
}

// bootTime is what the clock of the day shows at the start: 2026-01-01.
const bootTime = 1767225600 * 1_000_000_000

// idle is the way of clock.asked that lets the time pass.
const idle sim.Wait = 1

func (c *clock) init(k *sim.K) {
	c.asked.Init(k, "clock")
}

// wallClock is the time of day, in nanoseconds since 1970.
func (s *system) wallClock() int64 { return bootTime + s.now }

var opIdle = sim.NewOp("cpu_idle(%s)")

// idleLoop waits for input, or puts the clock forward to the next deadline, whenever
// nobody else can go on: the strategy chooses it last.
func (s *system) idleLoop(k *sim.K) {
	for {
		k.StepWait(opIdle, &s.asked, sim.Write, idle)
		k.Touch(&s.lock, sim.Write)
		if s.Interrupted != nil && s.Interrupted() {
			s.exhausted(Time)
			s.strategy.stop = true
			continue
		}
		if s.stdin.wanted > 0 {
			s.stdin.fetch()
		} else if d := s.deadline(); d != never && d > s.now {
			s.now = d
		}
		s.wakeReady(k)
	}
}

// deadline is when the next sleeper, timer or input is due.
func (s *system) deadline() int64 {
	d := int64(never)
	for _, t := range s.sleepers {
		d = min(d, t.until)
	}
	for _, tm := range s.timers {
		d = min(d, tm.at)
	}
	if s.stdin.wanted > 0 {
		d = min(d, s.stdin.until)
	}
	return d
}

// wakeReady lets those go on that have what they wait for. It belongs to the
// step that has changed something.
func (s *system) wakeReady(k *sim.K) {
	k.Touch(&s.lock, sim.Write)
	s.expire()
	kept := s.sleepers[:0]
	for _, t := range s.sleepers {
		if t.until > s.now && !(t.signals && t.sigPending) && !t.cond() {
			kept = append(kept, t)
			continue
		}
		t.sleeping = false
		k.Touch(&t.wait, sim.Write)
		t.wait.Allow(ready)
	}
	clear(s.sleepers[len(kept):])
	s.sleepers = kept
	k.Touch(&s.asked, sim.Write)
	if s.deadline() == never {
		s.asked.Forbid(idle)
	} else {
		s.asked.Allow(idle)
	}
}

// A timer sends a signal when it is due: one of setitimer(2), alarm(2) or
// timer_create(2).
type timer struct {
	id       int32
	at       int64 // virtual time, 0 if it is not armed
	interval int64
	proc     *process
	thread   *Thread // SIGEV_THREAD_ID
	info     SigInfo
	silent   bool // SIGEV_NONE
	queued   bool // its signal has not been delivered yet
	overrun  int32
	clock    uint64
}

// arm sets a timer, or stops it if at is 0.
func (s *system) arm(tm *timer, at, interval int64) {
	tm.at, tm.interval = at, interval
	i := slices.Index(s.timers, tm)
	switch {
	case at != 0 && i < 0:
		s.timers = append(s.timers, tm)
	case at == 0 && i >= 0:
		s.timers = slices.Delete(s.timers, i, i+1)
	}
}

// deleteTimers is exit_itimers(): nobody waits for them any more.
func (s *system) deleteTimers(p *process) {
	for _, tm := range p.posix {
		s.arm(tm, 0, 0)
	}
	p.posix = nil
}

// expire sends the signals of the timers that are due, and brings in input.
func (s *system) expire() {
	if s.stdin.wanted > 0 && s.stdin.until <= s.now {
		s.stdin.fetch()
	}
	for i := 0; i < len(s.timers); i++ {
		tm := s.timers[i]
		if tm.at > s.now {
			continue
		}
		missed := int64(0)
		if tm.interval > 0 {
			missed = (s.now - tm.at) / tm.interval
			if tm.at += (missed + 1) * tm.interval; tm.at < s.now { // beyond the end of time
				tm.at = never
			}
		} else {
			tm.at = 0
			s.timers = slices.Delete(s.timers, i, i+1)
			i--
		}
		s.fire(tm, int32(missed))
	}
}

func (s *system) fire(tm *timer, missed int32) {
	switch {
	case tm.proc == nil || len(tm.proc.threads) == 0 || tm.silent:
		return
	case tm.queued:
		tm.overrun += 1 + missed
		return
	}
	tm.overrun = missed
	tm.queued = tm.info.Code == siTimer
	if tm.thread != nil {
		s.send(tm.thread, tm.info, false)
	} else {
		s.sendProcess(tm.proc, tm.info)
	}
}

// rearm notes that the signal of a timer has been delivered.
func (p *process) rearm(info SigInfo) {
	if info.Code != siTimer {
		return
	}
	for _, tm := range p.posix {
		if uint32(tm.id) == get32(info.Fields[:]) {
			tm.queued = false
		}
	}
}
