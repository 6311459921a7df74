package litmus

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trapline/sim/memory"
)

// Result is what came out of a test under a model.
type Result struct {
	Test    *Test
	Options memory.Options
	// States are the distinct final states, sorted as herd7 sorts them.
	States []string
	// Positive and Negative count the executions in which the proposition of the
	// condition holds and does not. An execution is a complete consistent graph: who
	// reads from whom, and the order of the stores to each location. Each is counted
	// once, as in herd7.
	Positive, Negative int
	// Race says that LKMM finds a data race in some execution.
	Race bool
	// Loop says that a loop was cut off after its body had run twice.
	Loop bool
	// Coverage says what was explored.
	Coverage memory.Coverage
}

// Run explores a test. It is an error if an execution does what has no meaning, such
// as to follow a null pointer or to unlock what is not locked, or if the test is too
// large.
func Run(t *Test, o memory.Options) (*Result, error) {
	r := &Result{Test: t, Options: o}
	p, faults := t.program()
	seen := states{keys: map[string]bool{}}
	broken := 0
	coverage, err := memory.Explore(p, o, func(s *memory.State) {
		if broken == 0 {
			broken = r.add(s, &seen)
		}
	})
	if broken != 0 {
		f := faults[broken-1]
		return nil, t.scanner.fail(f.at, "%s", f.message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s under %v: %w", t.scanner.file, t.Name, o.Model, err)
	}
	r.Coverage = coverage
	r.States = seen.sorted(t)
	return r, nil
}

// program compiles a test, and says what its tasks can do wrong.
func (t *Test) program() (memory.Program, []fault) {
	b := &builder{test: t}
	p := memory.Program{Init: t.globals.init, Locations: max(1, t.globals.locations)}
	p.Guesses = t.guesses()
	for l := range t.globals.locations {
		p.Names = append(p.Names, t.element(l))
	}
	for _, proc := range t.processes {
		p.Tasks = append(p.Tasks, b.task(proc))
	}
	return p, b.faults
}

// ending looks at the end of an execution: the number of the fault in it, or 0, and
// whether a loop was cut off.
func (t *Test) ending(s *memory.State) (fault int, cut bool) {
	for i, p := range t.processes {
		extra := s.Regs[i][len(p.observed):]
		if extra[faultRegister] != 0 {
			return int(extra[faultRegister]), false
		}
		cut = cut || extra[loopRegister] != 0
	}
	return 0, cut
}

// add counts one execution. It returns the number of the fault in it, or 0.
func (r *Result) add(s *memory.State, seen *states) int {
	t := r.Test
	if fault, cut := t.ending(s); fault != 0 || cut {
		r.Loop = r.Loop || cut
		return fault
	}
	end := &final{s.Regs, s.Mem, s}
	if t.filter != nil && !t.filter.holds(end) {
		return 0
	}
	if t.condition.prop.holds(end) {
		r.Positive++
	} else {
		r.Negative++
	}
	r.Race = r.Race || s.Race
	seen.add(t.shown, end)
	return 0
}

// states collects distinct final states.
type states struct {
	keys map[string]bool
	list [][]value
	key  []byte
	row  []value
}

func (s *states) add(items []shown, end *final) {
	s.row, s.key = s.row[:0], s.key[:0]
	for _, item := range items {
		for i := range max(item.size, 1) {
			p := item.place
			p.index += i
			s.row = append(s.row, end.value(p))
		}
	}
	for _, v := range s.row {
		for i := range 8 {
			s.key = append(s.key, byte(v.n>>(8*i)))
		}
		s.key = append(s.key, byte(truth(v.open)))
	}
	if !s.keys[string(s.key)] {
		s.keys[string(s.key)] = true
		s.list = append(s.list, slices.Clone(s.row))
	}
}

// sorted prints the states in herd7's order: by one place after the other, what is open
// before numbers, and these before addresses.
func (s *states) sorted(t *Test) []string {
	compare := func(a, b value) int {
		_, isA := t.globals.location(a.n)
		_, isB := t.globals.location(b.n)
		switch {
		case a.open != b.open:
			return int(truth(b.open) - truth(a.open))
		case isA && isB:
			return strings.Compare(t.number(a.n), t.number(b.n))
		case isA != isB:
			return int(truth(isA) - truth(isB))
		default:
			return cmp.Compare(a.n, b.n)
		}
	}
	slices.SortFunc(s.list, func(a, b []value) int { return slices.CompareFunc(a, b, compare) })
	var lines []string
	for _, row := range s.list {
		lines = append(lines, t.stateText(row))
	}
	return lines
}

// stateText prints one state.
func (t *Test) stateText(row []value) string {
	var b strings.Builder
	for _, item := range t.shown {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if item.size == 0 {
			t.writePlace(&b, item.place)
			b.WriteString("=" + t.text(row[0]) + ";")
			row = row[1:]
			continue
		}
		var values []string
		for _, v := range row[:item.size] {
			values = append(values, t.text(v))
		}
		b.WriteString(item.name + "={" + strings.Join(values, ",") + "};")
		row = row[item.size:]
	}
	return b.String()
}
