// Package lifecycle is about programs that nobody has thought up: tasks that register
// and unregister probes, and do what users of the subsystem do to what is probed, in any
// order. What such tasks can do is the language of a subsystem; its programs can be
// drawn, mutated, written as text and made smaller without knowing what they mean.
package lifecycle

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// Scenario is the name under which programs are run where a scenario has one, and
// under which a design claims failures that no scenario asks about.
const Scenario = "lifecycle"

// Verb is something that a task can do.
type Verb struct {
	// Name is what it is called in texts: letters and hyphens.
	Name string
	// Places is how many things there are that it can be done to, at least one.
	Places int
}

// Knob is something about the world that is drawn with the program.
type Knob struct {
	// Name is what it is called in texts: letters and hyphens.
	Name string
	// Values is how many there are. Value 0 is the plainest.
	Values int
}

// Language is what the programs of a subsystem are made of.
type Language struct {
	Verbs []Verb
	Knobs []Knob
	// Tasks is the most tasks of a program, and Operations the most that each does.
	Tasks, Operations int
}

// Operation is something that a task does: a verb of the language, by its number, and
// one of its places.
type Operation struct{ Verb, Place int }

// Program is a program of a language.
type Program struct {
	Language *Language
	// Knobs has a value for each knob of the language.
	Knobs []int
	// Tasks says what each task does, one operation after the other.
	Tasks [][]Operation
}

// Preemption is a point at which an execution leaves the undisturbed course.
type Preemption struct {
	// After is how many steps come between the preemption before, or the beginning,
	// and the first choice that this one can change.
	After int
	// To says which of the other options is taken: the task that is so many places
	// behind, the I/O that fails.
	To int
}

// Case is a program with a schedule: an execution, as long as the design that it runs
// on stays the same. Schedules are lists of preemptions, since leaving one out leaves
// the rest what it was.
type Case struct {
	Program
	Schedule []Preemption
}

// Subject is a design that programs can be run on.
type Subject struct {
	Design   *probes.Design
	Language *Language
	// Run is what a program of the language does to the design, with the text of the
	// given image.
	Run func(p *Program, image *vm.Image) sim.Program
}

// Claims says whether the design is known to break a rule with this title, in any
// scenario.
func (s *Subject) Claims(title string) bool {
	return slices.ContainsFunc(s.Design.Fails, func(f probes.Failure) bool { return f.Title == title })
}

// Operations counts what all tasks do.
func (p *Program) Operations() (n int) {
	for _, t := range p.Tasks {
		n += len(t)
	}
	return n
}

// Knob is the value of the knob with the name, which the language must have.
func (p *Program) Knob(name string) int {
	i := slices.IndexFunc(p.Language.Knobs, func(k Knob) bool { return k.Name == name })
	if i < 0 {
		panic("lifecycle: no knob " + name)
	}
	return p.Knobs[i]
}

// Uses says whether some task does what the verb with the name says.
func (p *Program) Uses(name string) bool {
	for _, t := range p.Tasks {
		for _, o := range t {
			if p.Language.Verbs[o.Verb].Name == name {
				return true
			}
		}
	}
	return false
}

// Clone is a copy that has nothing in common with c but the language.
func (c *Case) Clone() *Case {
	d := &Case{Program: Program{Language: c.Language, Knobs: slices.Clone(c.Knobs)}, Schedule: slices.Clone(c.Schedule)}
	for _, t := range c.Tasks {
		d.Tasks = append(d.Tasks, slices.Clone(t))
	}
	return d
}

// Strategy follows the schedule of the case, in one execution after the other.
func (c *Case) Strategy() sim.Restarter { return &follower{schedule: c.Schedule} }

// follower follows a list of preemptions.
type follower struct {
	schedule []Preemption
	next     int
	due      int // the step
}

// Choose takes the next preemption when enough steps are taken, at the first point
// where there is something to choose.
func (f *follower) Choose(_ *sim.Machine, p *sim.Point) int {
	if f.next == len(f.schedule) || p.N == 1 || p.Step < f.due+f.schedule[f.next].After {
		return 0
	}
	to := f.schedule[f.next].To
	f.next, f.due = f.next+1, p.Step
	return to % p.N
}

// Restart goes back to the beginning of the schedule.
func (f *follower) Restart() { f.next, f.due = 0, 0 }
