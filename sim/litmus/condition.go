package litmus

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"trapline/sim/memory"
)

// condition is what a test asks of the final states.
type condition struct {
	quantifier string // exists, ~exists or forall
	prop       prop
}

// prop is a proposition about a final state.
type prop interface {
	holds(s *final) bool
	// write prints it as an operand of an operator, in herd7's form.
	write(t *Test, b *strings.Builder, in string)
}

// place is a register of a task or a location; its value is in the final state.
type place struct {
	task  int // -1 for a location
	index int // of the observed register, or the location
}

// shown is a place, or a whole array, that is printed of each state.
type shown struct {
	place
	name string // of the register or the variable
	size int    // of an array; 0 for all else
}

// final is the final state of one execution.
type final struct {
	regs [][]int64
	mem  []int64
	// state says which values are open, if any is.
	state *memory.State
}

// value is a number, or open: the model says nothing of it. That is printed S; herd7
// has S and a number for it.
type value struct {
	n    int64 // 0 if open
	open bool
}

func (s *final) value(p place) value {
	switch {
	case p.task < 0 && s.state != nil && s.state.OpenMem(p.index),
		p.task >= 0 && s.state != nil && s.state.OpenReg(p.task, p.index):
		return value{open: true}
	case p.task < 0:
		return value{n: s.mem[p.index]}
	}
	return value{n: s.regs[p.task][p.index]}
}

type (
	// atom compares a place with a number, or with another place.
	atom struct {
		left  place
		right *place // or nil
		value int64
	}
	// not is ~.
	not struct{ p prop }
	// join is /\, \/ or =>.
	join struct {
		op   string
		p, q prop
	}
	// truthOf is true or false.
	truthOf bool
)

// holds takes a value that is open for equal to any other, as herd7 does.
func (a *atom) holds(s *final) bool {
	left, right := s.value(a.left), value{n: a.value}
	if a.right != nil {
		right = s.value(*a.right)
	}
	return left == right || left.open || right.open
}

func (n *not) holds(s *final) bool { return !n.p.holds(s) }

func (j *join) holds(s *final) bool {
	switch p := j.p.holds(s); j.op {
	case `/\`:
		return p && j.q.holds(s)
	case `\/`:
		return p || j.q.holds(s)
	default:
		return !p || j.q.holds(s)
	}
}

func (t truthOf) holds(*final) bool { return bool(t) }

func (a *atom) write(t *Test, b *strings.Builder, _ string) {
	t.writePlace(b, a.left)
	b.WriteByte('=')
	if a.right != nil {
		t.writePlace(b, *a.right)
	} else {
		b.WriteString(t.number(a.value))
	}
}

func (n *not) write(t *Test, b *strings.Builder, _ string) {
	b.WriteString("not (")
	n.p.write(t, b, "")
	b.WriteByte(')')
}

// write uses brackets where herd7 does.
func (j *join) write(t *Test, b *strings.Builder, in string) {
	brackets := in != "" && in != j.op && (in != `\/` || j.op != `/\`)
	if brackets {
		b.WriteByte('(')
	}
	j.p.write(t, b, j.op)
	b.WriteString(" " + j.op + " ")
	j.q.write(t, b, j.op)
	if brackets {
		b.WriteByte(')')
	}
}

func (t truthOf) write(_ *Test, b *strings.Builder, _ string) {
	b.WriteString(strconv.FormatBool(bool(t)))
}

// Condition is the condition in herd7's form.
func (t *Test) Condition() string {
	var b strings.Builder
	b.WriteString(t.condition.quantifier + " (")
	t.condition.prop.write(t, &b, "")
	b.WriteByte(')')
	return b.String()
}

// writePlace prints 0:r1 or [x].
func (t *Test) writePlace(b *strings.Builder, p place) {
	if p.task >= 0 {
		b.WriteString(strconv.Itoa(p.task) + ":" + t.processes[p.task].observed[p.index].name)
		return
	}
	if name := t.element(p.index); strings.HasSuffix(name, "]") {
		b.WriteString(name)
	} else {
		b.WriteString("[" + name + "]")
	}
}

// element is the name of a location: x, or a[1].
func (t *Test) element(location int) string {
	v := t.globals.at(location)
	if !v.array {
		return v.name
	}
	return v.name + "[" + strconv.Itoa(location-v.first) + "]"
}

// number prints a value: an address by the name of what is there.
func (t *Test) number(n int64) string {
	if l, ok := t.globals.location(n); ok {
		return t.element(l)
	}
	return strconv.FormatInt(n, 10)
}

// text prints a final value.
func (t *Test) text(v value) string {
	if v.open {
		return "S"
	}
	return t.number(v.n)
}

// final reads what follows the tasks: locations, filter, and the condition.
func (p *parser) final() error {
	t := p.test
	for p.is("locations") || p.is("filter") {
		var err error
		if p.is("locations") {
			var more []shown
			more, err = p.locations()
			t.shown = append(t.shown, more...)
		} else if err = p.advance(); err == nil {
			if t.filter != nil {
				return p.fail(p.tok.at, "a test has one filter only")
			}
			t.filter, err = p.prop()
			p.places = nil // a filter shows nothing
		}
		if err != nil {
			return err
		}
	}
	if err := p.quantified(); err != nil {
		return err
	}
	t.shown = append(t.shown, p.places...)
	slices.SortFunc(t.shown, compareShown)
	t.shown = slices.Compact(t.shown)
	if _, err := p.accept(";"); err != nil {
		return err
	}
	if p.tok.kind != end {
		return p.expected(`/\, \/ or the end of the file`)
	}
	return nil
}

// compareShown is the order in which herd7 prints: the registers of one task after
// those of another, by name, and then the variables.
func compareShown(a, b shown) int {
	task := func(s shown) int {
		if s.task < 0 {
			return 1 << 30
		}
		return s.task
	}
	return cmp.Or(cmp.Compare(task(a), task(b)), cmp.Compare(a.name, b.name), cmp.Compare(a.index, b.index), cmp.Compare(a.size, b.size))
}

// quantified reads exists, ~exists or forall, and the proposition. A test without a
// condition is one of which everything is asked and nothing expected, as in herd7.
func (p *parser) quantified() error {
	c := &p.test.condition
	negated := p.is("~") || p.is("not")
	if negated {
		if err := p.advance(); err != nil {
			return err
		}
		if !p.is("exists") {
			return p.expected("exists after ~")
		}
	}
	switch {
	case p.tok.kind == end:
		*c = condition{"forall", truthOf(true)}
		return nil
	case p.is("("):
		c.quantifier = "exists"
	case p.is("exists") || p.is("final"):
		c.quantifier = "exists"
		if negated {
			c.quantifier = "~exists"
		}
		if err := p.advance(); err != nil {
			return err
		}
	case p.is("forall"):
		c.quantifier = "forall"
		if err := p.advance(); err != nil {
			return err
		}
	default:
		return p.expected("a task P" + strconv.Itoa(len(p.test.processes)) + ", or exists, ~exists or forall with the condition")
	}
	var err error
	c.prop, err = p.prop()
	return err
}

// locations reads "locations [x; 0:r1; a]".
func (p *parser) locations() ([]shown, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("[", " after locations"); err != nil {
		return nil, err
	}
	for !p.is("]") {
		if p.tok.kind == word {
			g := &p.test.globals
			i, known := g.byName[p.tok.text]
			if known && g.list[i].array {
				at, v := p.tok.at, g.list[i]
				if err := p.advance(); err != nil {
					return nil, err
				}
				if p.is("[") {
					p.tok, p.pos = token{word, v.name, at}, at+len(v.name)
				} else {
					p.places = append(p.places, shown{place{-1, v.first}, v.name, v.size})
					if err := p.separator(); err != nil {
						return nil, err
					}
					continue
				}
			}
		}
		if _, err := p.place(); err != nil {
			return nil, err
		}
		for p.tok.kind == word || p.is("*") { // the type, which means nothing
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
		if err := p.separator(); err != nil {
			return nil, err
		}
	}
	items := p.places
	p.places = nil
	return items, p.advance()
}

// separator passes over the ; between locations.
func (p *parser) separator() error {
	if ok, err := p.accept(";"); ok || err != nil || p.is("]") {
		return err
	}
	return p.expected("; or ] after a location")
}

// connectives are ordered as herd7 reads them: => binds more than /\, and that more
// than \/; of several => the last goes first.
var connectives = map[string]int{`\/`: 1, `/\`: 2, "=>": 3}

// prop reads a proposition.
func (p *parser) prop() (prop, error) { return p.propAbove(0) }

func (p *parser) propAbove(binds int) (prop, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	x, err := p.propOperand()
	if err != nil {
		return nil, err
	}
	for {
		op := p.tok.text
		level := connectives[op]
		if p.tok.kind != punctuation || level <= binds {
			return x, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		right := level
		if op == "=>" {
			right--
		}
		y, err := p.propAbove(right)
		if err != nil {
			return nil, err
		}
		x = &join{op, x, y}
	}
}

func (p *parser) propOperand() (prop, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	for _, b := range []bool{true, false} {
		if ok, err := p.accept(strconv.FormatBool(b)); ok || err != nil {
			return truthOf(b), err
		}
	}
	if ok, err := p.accept("("); err != nil {
		return nil, err
	} else if ok {
		x, err := p.prop()
		if err != nil {
			return nil, err
		}
		return x, p.expect(")", ` or a connective (/\, \/)`)
	}
	if p.is("~") || p.is("not") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.propOperand()
		return &not{x}, err
	}
	return p.atom()
}

// atom reads "0:r1=1", "x!=2", "0:r1=x" or "0:r1=1:r1".
func (p *parser) atom() (prop, error) {
	left, err := p.place()
	if err != nil {
		return nil, err
	}
	negated := p.is("!=") || p.is("<>")
	if !negated && !p.is("=") && !p.is("==") {
		return nil, p.expected("= or != and a value")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	a := &atom{left: left}
	if err := p.right(a); err != nil {
		return nil, err
	}
	if negated {
		return &not{a}, nil
	}
	return a, nil
}

// right reads what a place is compared with.
func (p *parser) right(a *atom) error {
	var err error
	switch {
	case p.is("["), p.is("*"):
		if _, err = p.accept("*"); err != nil {
			return err
		}
		return p.rightPlace(a)
	case p.is("{"):
		return p.fail(p.tok.at, "arrays are compared by element (a[0]=1)")
	case p.tok.kind == number:
		// 1:r2 is a register, 1 is a number.
		save, tok := p.pos, p.tok
		if err := p.advance(); err != nil {
			return err
		}
		register := p.is(":")
		p.pos, p.tok = save, tok
		if register {
			return p.rightPlace(a)
		}
	case p.tok.kind == word && taskNumber(p.tok.text) >= 0:
		return p.rightPlace(a)
	}
	a.value, err = p.initialNumber()
	return err
}

func (p *parser) rightPlace(a *atom) error {
	q, err := p.place()
	a.right = &q
	return err
}

// place reads 0:r1, P0:r1, x, [x] or a[1], and notes it among those to show.
func (p *parser) place() (place, error) {
	at, name := p.tok.at, p.tok.text
	if p.is("[") {
		var err error
		if at, name, err = p.inBrackets(); err != nil {
			return place{}, err
		}
		return p.location(at, name)
	}
	if p.tok.kind == word {
		if err := p.advance(); err != nil {
			return place{}, err
		}
	} else if p.tok.kind != number {
		return place{}, p.expected("a register (0:r1) or a variable (x)")
	}
	task, ok, err := p.taskOf(at, name)
	switch {
	case err != nil:
		return place{}, err
	case !ok:
		return p.location(at, name)
	}
	regAt := p.tok.at
	if name, err = p.name("the name of a register (0:r1)"); err != nil {
		return place{}, err
	}
	if task >= len(p.test.processes) {
		return place{}, p.fail(at, "there is no task P%d", task)
	}
	proc := p.test.processes[task]
	r := proc.register(name)
	if !proc.assigned[r] {
		proc.assigned[r] = true // one warning is enough
		p.warn(regAt, "P%d never gives %s a value; it is 0", task, name)
	}
	pl := place{task, proc.observe(r, name)}
	p.places = append(p.places, shown{pl, name, 0})
	return pl, nil
}

// location finishes a place that is no register.
func (p *parser) location(at int, name string) (place, error) {
	g := &p.test.globals
	if _, known := g.byName[name]; !known {
		p.warn(at, "no task has a variable %s; it is 0 (0:%s is a register)", name, name)
	}
	n, err := p.element(name)
	if err != nil {
		return place{}, err
	}
	l, _ := memory.Loc(n)
	v := g.at(l)
	p.places = append(p.places, shown{place{-1, l}, v.name, 0})
	return place{-1, l}, nil
}

func (p *parser) warn(at int, format string, args ...any) {
	p.test.Warnings = append(p.test.Warnings, p.fail(at, format, args...).Error())
}

// observation is a register whose final value is wanted.
type observation struct {
	register int
	name     string
}

// observe notes that the final value of a register is wanted.
func (p *process) observe(r int, name string) int {
	for i, o := range p.observed {
		if o.register == r {
			return i
		}
	}
	p.observed = append(p.observed, observation{r, name})
	return len(p.observed) - 1
}
