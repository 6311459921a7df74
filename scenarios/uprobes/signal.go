package uprobes

import (
	"fmt"

	"trapline/probes/uprobes"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// signals are what the tasks of a drawn program send each other. A signal is taken on the
// way back to the program, when what probes have to do there is done.
type signals struct {
	numbers []int            // of the tasks of the program, by task
	pending []*sim.Word[int] // by number; nil if nobody sends any
}

// A signal has a handler, which executes one of the probed instructions, or it is SIGKILL.
const (
	noSignal = iota
	handledFirst
	handledSecond
	sigkill

	signalKinds = sigkill
)

func (l *life) initSignals(p *lifecycle.Program) {
	if !p.Uses("signal") {
		return
	}
	for i := range p.Tasks {
		s := &sim.Word[int]{}
		s.Init(l.K, fmt.Sprintf("t%d->pending", i), noSignal)
		l.pending = append(l.pending, s)
	}
	l.onStep = l.interruptStep
}

// signal sends one to the next task.
func (l *life) signal(k *sim.K, task, place int) {
	l.pending[(task+1)%len(l.pending)].Write(k, handledFirst+place)
}

// pendingOf is the signal for the task k.
func (l *life) pendingOf(k *sim.K) *sim.Word[int] { return l.pending[*countOf(k, &l.numbers)] }

var _ = sim.Plumbing("deliver", "exit_to_user_mode")

// exitToUserMode is exit_to_user_mode_loop(), at whose end the program goes on at ip. It
// is false if a signal has ended the thread.
func (l *life) exitToUserMode(k *sim.K, mm *vm.MM, ip uint64) bool {
	return l.pending == nil || l.pendingOf(k).Read(k) == noSignal || l.deliver(k, mm, ip)
}

// interruptStep is exitToUserMode of a thread that is about to step a copy. It says
// whether the thread steps it no more.
func (l *life) interruptStep(k *sim.K, mm *vm.MM) bool {
	s := l.pendingOf(k).Read(k)
	if s == noSignal {
		return false
	}
	t := l.threads[k.ID()]
	if l.Scheme.(uprobes.Threader).UprobeDenySignal(k, t, s == sigkill) {
		return s == sigkill
	}
	return !l.deliver(k, mm, t.IP)
}

// deliver has the thread take its signal at ip. It is false if that was the end of it.
// What the handler executes is held to the contract by itself.
func (l *life) deliver(k *sim.K, mm *vm.MM, ip uint64) bool {
	s := l.pendingOf(k).Xchg(k, noSignal)
	if s == sigkill {
		l.exitThread(k)
		return false
	}
	if start, length, _ := l.text(); ip < start || ip >= start+length {
		k.Fail(&sim.Violation{Kind: WrongFrame, Subject: fmt.Sprintf("it was interrupted at %#x, and its text is at %#x", ip, start)})
	}
	var before []int
	for _, probes := range l.owned {
		for _, p := range probes {
			before = append(before, *p.hitsOf(k))
		}
	}
	alive := l.execute(k, mm, s-handledFirst)
	for i, probes := range l.owned {
		for j, p := range probes {
			*p.hitsOf(k) = before[i*len(probes)+j]
		}
	}
	return alive
}
