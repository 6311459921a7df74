package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// String is the text form of the program, which [Language.Parse] reads: a line with the
// knobs that are not 0, if there are any, and a line for each task.
//
//	world: disk=1 readahead=2
//	t0: register 0, execute 0
//	t1: reclaim
func (p *Program) String() string {
	var b strings.Builder
	world := ""
	for i, k := range p.Language.Knobs {
		if p.Knobs[i] != 0 {
			world += fmt.Sprintf(" %s=%d", k.Name, p.Knobs[i])
		}
	}
	if world != "" {
		fmt.Fprintf(&b, "world:%s\n", world)
	}
	for i, t := range p.Tasks {
		fmt.Fprintf(&b, "t%d:", i)
		for j, o := range t {
			v := p.Language.Verbs[o.Verb]
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s", v.Name)
			if v.Places > 1 {
				fmt.Fprintf(&b, " %d", o.Place)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// String is the text form of the case: that of its program and, if it has preemptions, a
// line with them.
//
//	schedule: 4>1 0>2
func (c *Case) String() string {
	text := c.Program.String()
	if len(c.Schedule) == 0 {
		return text
	}
	text += "schedule:"
	for _, p := range c.Schedule {
		text += fmt.Sprintf(" %d>%d", p.After, p.To)
	}
	return text + "\n"
}

// Parse reads the text form of a program or of a case.
func (l *Language) Parse(text string) (*Case, error) {
	c := &Case{Program: Program{Language: l, Knobs: make([]int, len(l.Knobs))}}
	done := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		what, rest, _ := strings.Cut(line, ":")
		var err error
		switch {
		case line == "":
		case done:
			err = errors.New("the schedule comes last")
		case what == "world" && len(c.Tasks) == 0:
			err = l.parseKnobs(c.Knobs, rest)
		case what == "schedule":
			done = true
			c.Schedule, err = parseSchedule(rest)
		case what == fmt.Sprintf("t%d", len(c.Tasks)) && len(c.Tasks) < l.Tasks:
			var t []Operation
			t, err = l.parseTask(rest)
			c.Tasks = append(c.Tasks, t)
		default:
			err = fmt.Errorf("want a world:, tasks from t0: to t%d:, and a schedule: line", l.Tasks-1)
		}
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", cut(line), err)
		}
	}
	if len(c.Tasks) == 0 {
		return nil, errors.New("there is no task (want t0: and what it does)")
	}
	return c, nil
}

func (l *Language) parseKnobs(values []int, text string) error {
	for part := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(part, "=")
		i := slices.IndexFunc(l.Knobs, func(k Knob) bool { return k.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no %q to set", cut(name))
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n >= l.Knobs[i].Values {
			return fmt.Errorf("%s: want a number from 0 to %d", name, l.Knobs[i].Values-1)
		}
		values[i] = n
	}
	return nil
}

func (l *Language) parseTask(text string) ([]Operation, error) {
	var task []Operation
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, place, several := strings.Cut(strings.TrimSpace(part), " ")
		o := Operation{Verb: slices.IndexFunc(l.Verbs, func(v Verb) bool { return v.Name == name })}
		if o.Verb < 0 {
			return nil, fmt.Errorf("nobody can %q here", cut(name))
		}
		places := l.Verbs[o.Verb].Places
		if several != (places > 1) {
			return nil, fmt.Errorf("%s: there are %d places", name, places)
		}
		if several {
			n, err := strconv.Atoi(place)
			if err != nil || n < 0 || n >= places {
				return nil, fmt.Errorf("%s: want a place from 0 to %d", name, places-1)
			}
			o.Place = n
		}
		task = append(task, o)
	}
	if len(task) > l.Operations {
		return nil, fmt.Errorf("a task does %d things (at most %d)", len(task), l.Operations)
	}
	return task, nil
}

func parseSchedule(text string) ([]Preemption, error) {
	var all []Preemption
	for part := range strings.FieldsSeq(text) {
		after, to, _ := strings.Cut(part, ">")
		a, err := strconv.Atoi(after)
		t, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || a < 0 || t < 0 || len(all) == mostPreemptions {
			return nil, fmt.Errorf("%q: want up to %d preemptions AFTER>TO", cut(part), mostPreemptions)
		}
		all = append(all, Preemption{a, t})
	}
	return all, nil
}

// cut keeps a message on one line.
func cut(text string) string {
	if len(text) > 60 {
		return text[:57] + "..."
	}
	return text
}
