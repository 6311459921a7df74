package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trapline/sim/memory"
)

// deviation is one choice in which an execution left the undisturbed course.
type deviation struct {
	step  int    // steps taken before
	task  TaskID // took the step, although another would have; 0 for a value
	value int    // was chosen by the step instead of 0
}

// Turn is one choice in which an execution left the undisturbed course. It names
// the task, which means the same on every machine; the name "" stands for the
// choice of a value, and one that begins with ! for a reason to take other steps.
type Turn struct {
	Step  int
	Task  string
	Value int
}

// Schedule is an execution as the list of its deviations, in order: everything
// else about it follows from the program. It has a text form,
//
//	unregister@4,fault/io@9,=1@12
//
// which says that unregister takes step 4 (counted from 0) and fault/io step 9,
// and that the choice made in step 12 has the value 1. The empty schedule, in
// which nothing is disturbed, is "-".
//
// What a machine has learnt can change the steps of an execution: it adds those
// with which regions of code begin and end that a grace period waits for, or a task
// that may be given work by another, and blocks a task that goes round a loop. Then
// the schedule begins with the reason, so that a machine which has yet to learn of it
// counts the same steps:
//
//	!rcu_read_lock_sched,unregister@4
//
// A memory model other than SC stands there, too: !lkmm,=1@4.
type Schedule []Turn

// Schedule is the last execution as a schedule.
func (m *Machine) Schedule() Schedule {
	s := make(Schedule, 0, len(m.deviations))
	if m.Memory != memory.SC {
		s = append(s, Turn{Task: "!" + m.Memory.String()})
	}
	for i, name := range reasonNames {
		if m.known.steps.has(1 << i) {
			s = append(s, Turn{Task: "!" + name})
		}
	}
	for _, d := range m.deviations {
		t := Turn{Step: d.step, Value: d.value}
		if d.task != 0 {
			t.Task = m.tasks[d.task].name
		}
		s = append(s, t)
	}
	return s
}

// String is the text form of the schedule.
func (s Schedule) String() string {
	if len(s) == 0 {
		return "-"
	}
	var b strings.Builder
	for i, t := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		switch {
		case t.Task == "":
			fmt.Fprintf(&b, "=%d@%d", t.Value, t.Step)
		case t.Reason():
			b.WriteString(t.Task)
		default:
			fmt.Fprintf(&b, "%s@%d", t.Task, t.Step)
		}
	}
	return b.String()
}

// ParseSchedule reads the text form of a schedule.
func ParseSchedule(text string) (Schedule, error) {
	if text == "-" {
		return nil, nil
	}
	var s Schedule
	for part := range strings.SplitSeq(text, ",") {
		if name, ok := strings.CutPrefix(part, "!"); ok {
			t := Turn{Task: part}
			_, isModel := modelNamed(name)
			if !isModel && !slices.Contains(reasonNames, name) || slices.Contains(s, t) || len(s) > 0 && !s[len(s)-1].Reason() || isModel && s.Memory() != memory.SC {
				return nil, fmt.Errorf("schedule: %q is no reason to take other steps, or not at the beginning, or there twice, or a second memory model", part)
			}
			s = append(s, t)
			continue
		}
		what, at, ok := strings.Cut(part, "@")
		step, err := strconv.Atoi(at)
		if !ok || what == "" || err != nil || step < 0 || at[0] == '+' {
			return nil, fmt.Errorf("schedule: %q is neither task@step nor =value@step", part)
		}
		t := Turn{Step: step, Task: what}
		if v, isValue := strings.CutPrefix(what, "="); isValue {
			t.Task = ""
			if t.Value, err = strconv.Atoi(v); err != nil || t.Value < 1 {
				return nil, fmt.Errorf("schedule: %q: the value must be a number above 0", part)
			}
		}
		if n := len(s); n > 0 && !s[n-1].Reason() && !s[n-1].before(t) {
			return nil, fmt.Errorf("schedule: %q comes after step %d", part, s[n-1].Step)
		}
		s = append(s, t)
	}
	return s, nil
}

// Reason says that the turn is none, but a reason to take other steps.
func (t Turn) Reason() bool { return strings.HasPrefix(t.Task, "!") }

// Memory is the memory model that the schedule names: SC if it names none.
func (s Schedule) Memory() memory.Model {
	for _, t := range s {
		if model, ok := modelNamed(strings.TrimPrefix(t.Task, "!")); ok && t.Reason() {
			return model
		}
	}
	return memory.SC
}

// modelNamed is the memory model of that name, of those that a schedule has to name.
func modelNamed(name string) (memory.Model, bool) {
	for _, model := range []memory.Model{memory.TSO, memory.LKMM} {
		if name == model.String() {
			return model, true
		}
	}
	return memory.SC, false
}

// prepare has the machine know what those have learnt that made the schedule, and
// have its memory model.
func (m *Machine) prepare(s Schedule) {
	var more reasons
	for _, t := range s {
		if model, ok := modelNamed(strings.TrimPrefix(t.Task, "!")); ok && t.Reason() {
			m.Memory = model
		} else if t.Reason() {
			more |= 1 << slices.Index(reasonNames, t.Task[1:])
		}
	}
	if more&^m.ids.known.Load().steps != 0 {
		m.ids.learn(func(f *facts) { f.steps |= more })
	}
}

// before says whether t can stand before u in a schedule: steps go up, and in
// one step the choice of the task comes before that of a value.
func (t Turn) before(u Turn) bool {
	return t.Step < u.Step || t.Step == u.Step && t.Task != "" && u.Task == ""
}

// Replay is the strategy that follows a schedule and, where it says nothing,
// the undisturbed course.
type Replay struct {
	schedule Schedule
	next     int
	// Err says why the schedule could not be followed, nil if it was.
	Err error
}

// NewReplay returns the strategy for one execution of s.
func NewReplay(s Schedule) *Replay { return &Replay{schedule: s} }

// Choose takes the next turn of the schedule when its step has come.
func (r *Replay) Choose(m *Machine, p *Point) int {
	for r.next < len(r.schedule) && r.schedule[r.next].Reason() {
		r.next++
	}
	if r.next == len(r.schedule) {
		return 0
	}
	t := r.schedule[r.next]
	step := m.taken // p.Step counts critical sections that are one step as one
	if p.Tasks == nil {
		step--
	}
	if t.Step > step || t.Step == step && (t.Task == "") != (p.Tasks == nil) {
		return 0
	}
	r.next++
	if t.Step < step {
		return r.lost("step %d was to choose %s, but there was nothing to choose", t.Step, t.what())
	}
	if p.Tasks == nil {
		if t.Value >= p.N {
			return r.lost("step %d chooses between %d ways, not %d", step, p.N, t.Value+1)
		}
		return t.Value
	}
	i := slices.IndexFunc(p.Tasks, func(id TaskID) bool { return m.tasks[id].name == t.Task })
	if i < 0 {
		return r.lost("%s cannot take step %d", t.Task, step)
	}
	return i
}

// Memory is the memory model of the schedule.
func (r *Replay) Memory() memory.Model { return r.schedule.Memory() }

// Restart goes back to the beginning of the schedule.
func (r *Replay) Restart() { r.next, r.Err = 0, nil }

// Done returns why the execution that has ended was not the one of the
// schedule, or nil.
func (r *Replay) Done() error {
	for r.next < len(r.schedule) && r.schedule[r.next].Reason() {
		r.next++ // there was nothing to choose
	}
	if r.Err == nil && r.next < len(r.schedule) {
		t := r.schedule[r.next]
		r.lost("the execution ended before step %d, where the schedule names %s", t.Step, t.what())
	}
	return r.Err
}

func (t Turn) what() string {
	if t.Task == "" {
		return fmt.Sprintf("value %d", t.Value)
	}
	return t.Task
}

func (r *Replay) lost(format string, args ...any) int {
	r.Err = fmt.Errorf(format, args...)
	return -1
}
