package events

import (
	"slices"
	"strings"

	"trapline/sim"
)

// An operator of a term, in the order in which the kernel tries them.
type operator uint8

const (
	opGlob operator = iota
	opNE
	opEQ
	opLE
	opLT
	opGE
	opGT
	opBand
)

var operators = []string{"~", "!=", "==", "<=", "<", ">=", ">", "&"}

// What a field is to a filter: enum of FILTER_* in trace_events.h.
type fieldKind uint8

const (
	otherField fieldKind = iota
	dynamicString
	commField
	cpuField
	stackField
)

// A field is struct ftrace_event_field.
type field struct {
	kind         fieldKind
	offset, size int
	signed       bool
}

func (f *field) isString() bool { return f.kind == dynamicString || f.kind == commField }

// field is trace_find_event_field(): the event's own ones, then those that every
// event has.
func (e *Event) field(name string) (field, bool) {
	addresses := []string{"__probe_ip"}
	if e.Return {
		addresses = []string{"__probe_func", "__probe_ret_ip"}
	}
	for i := range e.Probes[0].Args {
		a := &e.Probes[0].Args[i]
		if a.Name != name {
			continue
		}
		f := field{offset: e.header() + a.offset, size: a.Size(), signed: a.Type.Signed}
		if a.Type.String {
			f.kind = dynamicString
		}
		return f, true
	}
	if i := slices.Index(addresses, name); i >= 0 {
		return field{offset: commonSize + 8*i, size: 8}, true
	}
	switch name {
	case "CPU", "cpu", "common_cpu":
		return field{kind: cpuField, signed: true}, true
	case "COMM", "comm":
		return field{kind: commField, signed: true}, true
	case "stacktrace", "STACKTRACE":
		return field{kind: stackField, signed: true}, true
	case "common_type":
		return field{offset: 0, size: 2}, true
	case "common_flags":
		return field{offset: 2, size: 1}, true
	case "common_preempt_count":
		return field{offset: 3, size: 1}, true
	case "common_pid":
		return field{offset: 4, size: 4, signed: true}, true
	}
	return field{}, false
}

// maxPattern is MAX_FILTER_STR_VAL, maxNumber the room for a number.
const (
	maxPattern = 256
	maxNumber  = 24
)

// parseTerm is parse_pred(): a field, an operator and a value. It says how many
// characters they take. Columns count from pos.
func parseTerm(e *Event, s string, pos int) (*term, int, error) {
	fail := func(text string, i int) (*term, int, error) {
		return nil, 0, &filterError{sim.EINVAL, text, pos + i}
	}
	i := spaces(s, 0)
	from := i
	for isAlpha(at(s, i)) || isDigit(at(s, i)) || at(s, i) == '_' {
		i++
	}
	if i == from {
		return nil, 0, &filterError{minusOne, filterErrno, 0}
	}
	f, ok := e.field(s[from:i])
	if !ok {
		return fail(filterNoField, i)
	}
	if strings.HasPrefix(s[i:], ".ustring") { // it matters only to pointers
		i += len(".ustring")
	}
	function := strings.HasPrefix(s[i:], ".function")
	if function {
		i += len(".function")
	}
	i = spaces(s, i)
	op := slices.IndexFunc(operators, func(o string) bool { return strings.HasPrefix(s[i:], o) })
	if op < 0 {
		return fail(filterInvalidOp, i)
	}
	i = spaces(s, i+len(operators[op]))
	t := &term{field: f, op: operator(op)}
	switch c := at(s, i); {
	case function:
		return parseFunction(t, s, i, fail)
	case strings.HasPrefix(s[i:], "CPUS"):
		return parseCPUs(t, s, i, fail)
	case c == '\'' || c == '"':
		return parseString(t, s, i, fail)
	case isDigit(c) || c == '-':
		return parseNumber(t, s, i, fail)
	}
	return fail(filterBadValue, i)
}

type failing func(text string, i int) (*term, int, error)

func spaces(s string, i int) int {
	for isSpace(at(s, i)) {
		i++
	}
	return i
}

// parseFunction is for the functions of the kernel, which is not here: none is
// found.
func parseFunction(t *term, s string, i int, fail failing) (*term, int, error) {
	switch {
	case t.field.size != 8:
		return fail(filterIllegalOp, i)
	case t.op != opEQ && t.op != opNE:
		return fail(filterInvalidOp, i)
	}
	from := i
	if isDigit(at(s, i)) {
		for isAlpha(at(s, i)) || isDigit(at(s, i)) {
			i++
		}
		if i-from >= maxNumber {
			return fail(filterTooLong, i)
		}
		if _, err := unsigned(s[from:i], 0); err != nil {
			return fail(filterBadValue, i)
		}
		return fail(filterNoFunction, i)
	}
	for i < len(s) && !isSpace(s[i]) {
		i++
	}
	return fail(filterNoFunction, i)
}

// parseString is a value in quotes.
func parseString(t *term, s string, i int, fail failing) (*term, int, error) {
	switch {
	case t.op != opNE && t.op != opEQ && t.op != opGlob:
		return fail(filterIllegalOp, i)
	case !t.field.isString():
		return fail(filterWantDigit, i)
	}
	n := strings.IndexByte(s[i+1:], s[i])
	if n < 0 {
		return fail(filterNoQuote, len(s))
	}
	end := i + 1 + n
	if n >= maxPattern {
		return fail(filterTooLong, end)
	}
	t.not = t.op == opNE
	t.setPattern(s[i+1 : end])
	return t, end + 1, nil
}

// parseNumber is a value that begins with a digit or a minus sign.
func parseNumber(t *term, s string, i int, fail failing) (*term, int, error) {
	switch {
	case t.field.isString():
		return fail(filterWantString, i)
	case t.op == opGlob:
		return fail(filterIllegalOp, i)
	}
	from := i
	if s[i] == '-' {
		i++
	}
	for isAlpha(at(s, i)) || isDigit(at(s, i)) {
		i++
	}
	if i-from >= maxNumber {
		return fail(filterTooLong, i)
	}
	var err error
	if t.field.signed {
		var v int64
		v, err = signed(s[from:i])
		t.value = uint64(v)
	} else {
		t.value, err = unsigned(s[from:i], 0)
	}
	if err != nil {
		return fail(filterIllegalInt, from)
	}
	t.not = t.op == opNE
	return t, i, nil
}

// parseCPUs is a list of processors, CPUS{0-3}.
func parseCPUs(t *term, s string, i int, fail failing) (*term, int, error) {
	switch {
	case t.field.kind != otherField && t.field.kind != cpuField:
		return fail(filterIllegalOp, i)
	case t.op != opEQ && t.op != opNE && t.op != opBand:
		return fail(filterIllegalOp, i)
	}
	i += len("CPUS")
	if at(s, i) != '{' {
		return fail(filterNoBrace, i+1)
	}
	i++
	n := strings.IndexByte(s[i:], '}')
	if n < 0 {
		return fail(filterNoBraceEnd, len(s))
	}
	end := i + n
	mask, ok := parseCPUList(s[i:end])
	if n == 0 || !ok {
		return fail(filterBadCPUs, end)
	}
	t.setCPUs(mask)
	return t, end + 1, nil
}
