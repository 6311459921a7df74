package main

import (
	"slices"
	"strings"

	"trapline/sim"
	"trapline/sim/memory"
)

// execution is one recorded execution.
type execution struct {
	sim.Outcome
	schedule sim.Schedule
	records  []sim.Record
}

// preemption is a point at which a task that could have gone on had to wait.
type preemption struct {
	step int
	task sim.TaskID
	by   string
}

// record runs a program once. To what the machine records it adds two kinds of
// remarks: where a task was preempted, and where each one stands in a deadlock.
func record(p sim.Program, s sim.Restarter, on settings) *execution {
	return recordUnder(memory.SC, p, s, on)
}

// recordUnder is record under a memory model, if s is no replay, which names its own.
func recordUnder(model memory.Model, p sim.Program, s sim.Restarter, on settings) *execution {
	m := sim.NewMachine()
	m.Memory = model
	if r, ok := s.(*sim.Replay); ok && r.Memory() != memory.SC {
		m.Memory = r.Memory()
	}
	defer m.Close()
	on.apply(m)
	if r, ok := s.(*sim.Replay); ok {
		// The machine takes from a schedule alone, and not from who watches it, why
		// there are other steps.
		m.Run(p, r)
		r.Restart()
	}
	watch := watching{Restarter: s}
	outcome := m.Record(p, &watch)
	e := &execution{Outcome: outcome, schedule: m.Schedule(), records: slices.Clone(m.Records())}
	e.remarkPreemptions(watch.preempted)
	if v := e.Violation; v != nil {
		for _, wait := range v.Waits {
			e.remarkWait(m, wait)
		}
	}
	return e
}

// watching is a strategy whose preemptions are noted.
type watching struct {
	sim.Restarter
	preempted []preemption
}

// Choose asks the strategy.
func (w *watching) Choose(m *sim.Machine, p *sim.Point) int {
	i := w.Restarter.Choose(m, p)
	if i > 0 && p.Running {
		w.preempted = append(w.preempted, preemption{p.Step, p.Tasks[0], m.TaskName(p.Tasks[i])})
	}
	return i
}

// Restart forgets what was noted.
func (w *watching) Restart() {
	w.preempted = nil
	w.Restarter.Restart()
}

// remarkPreemptions says under the last step of a task, each time, that another one
// took over.
func (e *execution) remarkPreemptions(preempted []preemption) {
	if len(preempted) == 0 {
		return
	}
	all := make([]sim.Record, 0, len(e.records)+len(preempted))
	last := map[sim.TaskID]int{} // record of a task
	for i := range e.records {
		r := &e.records[i]
		for len(preempted) > 0 && r.Step > preempted[0].step {
			if at, ok := last[preempted[0].task]; ok {
				all = append(all, remark(e.records[at], "preempted", "by "+preempted[0].by))
			}
			preempted = preempted[1:]
		}
		last[r.Task] = i
		all = append(all, *r)
	}
	e.records = all
}

// remarkWait says in the lane of a blocked task what it waits for. The task may
// never have taken a step.
func (e *execution) remarkWait(m *sim.Machine, wait string) {
	name, what, ok := strings.Cut(wait, " waits in ")
	if !ok {
		return
	}
	what, _, _ = strings.Cut(what, ", at ")
	for _, id := range m.Unfinished() {
		if m.TaskName(id) != name {
			continue
		}
		like := sim.Record{Task: id, Name: name}
		for _, r := range e.records {
			if r.Task == id {
				like = r
			}
		}
		like.Step = e.Steps
		e.records = append(e.records, remark(like, "blocked", what))
		return
	}
}

// remark is a line under a step.
func remark(under sim.Record, name, text string) sim.Record {
	under.Remark, under.Text, under.Note, under.Stack = name, text, "", nil
	return under
}

// cpus is the number of CPUs on which the execution ran.
func (e *execution) cpus() int {
	n := 1
	for _, r := range e.records {
		n = max(n, r.CPU+1)
	}
	return n
}
