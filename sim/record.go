package sim

import (
	"fmt"
	"strings"
)

// Record is one line of what a recorded execution did: a step, or a remark made
// during one.
type Record struct {
	// Step counts steps from 1; a remark has the number of its step.
	Step int
	// Remark is the name of the trace event for a line that is no step.
	Remark string
	// Task is who did it, CPU and PID where it ran. First come the CPUs that
	// tasks are bound to; every other task has one of its own, numbered in
	// their order, and what they spawn, as interrupts, has the one behind the last.
	Task     TaskID
	Name     string
	CPU, PID int
	// Text is the call as it is written in C, and Note what came of it.
	Text, Note string
	// Stack is where in the source the step was taken, innermost call first.
	Stack []Frame
	// The context of the step: the interrupt level, that which it has interrupted
	// on its CPU, and what is switched off.
	Context, Below Context
	Preempt        int
	IRQsOff, BHOff bool
}

// Records is what the last recorded execution did.
func (m *Machine) Records() []Record { return m.records }

// Tracing says whether the execution is being recorded. Ask before building
// the arguments of Note or Event.
func (k *K) Tracing() bool { return k.m.recording && k.m.trial.k == nil && !k.setup && !k.m.aborting }

// Note adds to the record of the step being taken what came of it.
func (k *K) Note(format string, args ...any) {
	rs := k.m.records
	for i := len(rs) - 1; i >= 0; i-- {
		if rs[i].Remark == "" {
			rs[i].Note = strings.TrimLeft(rs[i].Note+" "+fmt.Sprintf(format, args...), " ")
			return
		}
	}
}

// Event adds a line of its own to the record, in the form of an ftrace event:
// its name and its text.
func (k *K) Event(name, format string, args ...any) {
	r := k.line()
	r.Remark, r.Text = name, fmt.Sprintf(format, args...)
	k.m.records = append(k.m.records, r)
}

func (k *K) line() Record {
	m := k.m
	r := Record{
		Step: len(m.events), Task: k.id, Name: k.name, CPU: k.cpu(), PID: k.pid(),
		Context: k.Context(), Below: k.ctx, Preempt: k.preempt, IRQsOff: k.IRQsDisabled(), BHOff: k.bhOff > 0,
	}
	if k.traps == 0 {
		r.Below = Task
	}
	for below := k.interrupted(); below != nil; below = below.interrupted() {
		r.Below = max(r.Below, below.Context())
		r.Preempt += below.preempt
		r.BHOff = r.BHOff || below.bhOff > 0
	}
	return r
}

// record enters the step that k takes.
func (m *Machine) record(k *K) {
	r := k.line()
	r.Text, r.Stack = k.pending.call(), k.at
	m.records = append(m.records, r)
}

// cpu is the number of the CPU that a task runs on.
func (k *K) cpu() int {
	switch {
	case k.setup:
		return 0
	case k.c != nil:
		return k.m.number(k.c)
	case k.parent.setup:
		return len(k.m.cpus.bound) + k.number
	default:
		return k.m.number(&k.m.cpus.rest)
	}
}

// pid is made from the places of a task and its ancestors among their
// siblings, so that it is the same on every machine.
func (k *K) pid() int {
	if k.setup {
		return 1
	}
	if k.parent.setup {
		return 100 + int(k.order>>eldest)
	}
	sibling := k.order >> (generationBits * (generations - k.depth())) & (1<<generationBits - 1)
	return k.parent.pid()*10 + int(sibling)
}

// PID is the number under which the task appears in traces.
func (k *K) PID() int { return k.pid() }

// describe is a step as it is written in C.
func describe(op Op, o *Object) string {
	if o == nil {
		return ops[op].format
	}
	return strings.Replace(ops[op].format, "%s", o.name, 1)
}

// show prints the value of a word: never an address.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case fmt.Stringer:
		return v.String()
	case bool, string, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	}
	return "..."
}
