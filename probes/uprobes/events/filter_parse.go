package events

import "trapline/sim"

// A branch is struct prog_entry: a term, and where to go on if it has the given
// result. The two last entries have no term: their target is the verdict.
type branch struct {
	term   *term
	when   bool
	target int
}

// What stands on the stack of parentheses.
type level struct{ invert, and, or bool }

// The numbers that the kernel's parser returns as they are: they come out of the
// write as if they were error numbers.
const (
	minusOne   = sim.Errno(1) // -EPERM
	minusTwo   = sim.Errno(2) // -ENOENT
	minusThree = sim.Errno(3) // -ESRCH
)

// parseFilter is process_preds().
func parseFilter(e *Event, s string) ([]branch, error) {
	terms, err := countTerms(s)
	if err != nil {
		return nil, err
	}
	if terms == 0 {
		return nil, &filterError{sim.EINVAL, filterErrno, 0}
	}
	p := &filterParser{event: e, s: s, room: terms + 2}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.finish()
}

// countTerms is calc_stack(): how many terms there seem to be, and whether quotes
// and parentheses are closed.
func countTerms(s string) (int, error) {
	terms, open, quoted := 0, 1, 0
	var quote byte
	inTerm := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isSpace(c):
			continue
		case quote != 0:
			if c == quote {
				quote = 0
			}
			continue
		case c == '\'' || c == '"':
			quote, quoted = c, i
		case (c == '|' || c == '&') && at(s, i+1) == c:
			inTerm = false
			continue
		case c == '(':
			inTerm = false
			open++
			continue
		case c == ')':
			inTerm = false
			if open == 1 {
				return 0, &filterError{minusOne, filterTooManyClose, i}
			}
			open--
			continue
		}
		if !inTerm {
			terms++
			inTerm = true
		}
	}
	switch {
	case quote != 0:
		return 0, &filterError{minusThree, filterNoQuote, quoted}
	case open != 1:
		return 0, &filterError{minusTwo, filterTooManyOpen, badOpen(s, open)}
	}
	return terms, nil
}

// badOpen finds, from the end, the parenthesis that is not closed.
func badOpen(s string, open int) int {
	depth := 0
	var quote byte
	for i := len(s) - 1; i >= 0; i-- {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '(':
			if depth == open {
				return i
			}
			depth--
		case c == ')':
			depth++
		case c == '\'' || c == '"':
			quote = c
		}
	}
	return 0
}

// A filterParser makes the program of an expression. An entry's target is at first
// the entry before it whose branch it ends.
type filterParser struct {
	event   *Event
	s       string
	room    int // for entries
	prog    []branch
	inverts []bool
	stack   []level
}

// parse is the first pass of predicate_parse().
func (p *filterParser) parse() error {
	p.stack = []level{{}}
	invert := false
	i := 0
	for i < len(p.s) {
		next := i
		i++
		c := p.s[next]
		switch {
		case isSpace(c):
			continue
		case c == '(':
			p.stack = append(p.stack, level{invert: invert})
			continue
		case c == '!' && at(p.s, next+1) != '=' && at(p.s, next+1) != '~':
			invert = !invert
			continue
		}
		if len(p.prog) >= p.room {
			return &filterError{minusOne, filterTooManyTerms, next}
		}
		t, n, err := parseTerm(p.event, p.s[next:], i)
		if err != nil {
			return err
		}
		p.prog = append(p.prog, branch{term: t, target: len(p.prog) - 1})
		p.inverts = append(p.inverts, invert)
		end, err := p.behind(next+n, &invert)
		if err != nil {
			return err
		}
		i = end
	}
	switch {
	case len(p.stack) != 1:
		return &filterError{minusOne, filterTooManyOpen, i}
	case len(p.prog) == 0:
		return &filterError{sim.EINVAL, filterNone, i}
	}
	return nil
}

// behind takes what follows a term up to the next && or ||, or to the end.
func (p *filterParser) behind(i int, invert *bool) (int, error) {
	for {
		next := i
		i++
		c := at(p.s, next)
		if isSpace(c) {
			continue
		}
		switch {
		case (c == '&' || c == '|') && at(p.s, next+1) == c:
			i++
		case c != ')' && c != 0:
			return 0, &filterError{minusOne, filterTooManyTerms, next}
		}
		top := &p.stack[len(p.stack)-1]
		*invert = top.invert
		if top.and {
			p.end(*invert)
			top.and = false
		}
		if c == '&' {
			top.and = true
			return i, nil
		}
		if top.or {
			p.end(!*invert)
			top.or = false
		}
		switch {
		case c == '|':
			top.or = true
			return i, nil
		case c == 0:
			return len(p.s), nil
		case len(p.stack) == 1:
			return 0, &filterError{minusOne, filterTooManyClose, i}
		}
		p.stack = p.stack[:len(p.stack)-1]
	}
}

// end is update_preds(): the branch that the last entry ends gets its place.
func (p *filterParser) end(when bool) {
	last := len(p.prog) - 1
	t := p.prog[last].target
	if t < 0 {
		return // an operator with nothing before it, which finish refuses
	}
	p.prog[last].target = p.prog[t].target
	p.prog[t].when, p.prog[t].target = when, last
}

// finish has the second and the third pass: a branch to a branch is shortened, and
// what was inverted is put into the branches.
func (p *filterParser) finish() ([]branch, error) {
	n := len(p.prog)
	prog := append(p.prog, branch{target: 1}, branch{})
	prog[n-1].when, prog[n-1].target = false, n
	for i := n - 2; i >= 0; i-- {
		if t := prog[i].target; t >= 0 && prog[i].when == prog[t].when {
			prog[i].target = prog[t].target
		}
	}
	for i := range n {
		prog[i].when = prog[i].when != p.inverts[i]
		if prog[i].target <= i { // WARN_ON: an operator at the end
			return nil, &filterError{sim.EINVAL, filterErrno, 0}
		}
	}
	return prog, nil
}
