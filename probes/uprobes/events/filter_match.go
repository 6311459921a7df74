package events

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// A term is struct filter_pred: a comparison of one field.
type term struct {
	field   field
	op      operator
	not     bool
	value   uint64
	cpus    uint64 // instead of a value, if isSet
	isSet   bool
	pattern string
	how     matching
}

// How a pattern is compared, enum regex_type.
type matching uint8

const (
	matchNone matching = iota
	matchFull
	matchFront
	matchMiddle
	matchEnd
	matchGlob
)

// setPattern is filter_build_regex(), with filter_parse_regex().
func (t *term) setPattern(s string) {
	t.pattern, t.how = s, matchFull
	if t.op != opGlob {
		return
	}
	t.not = strings.HasPrefix(s, "!")
	s = strings.TrimPrefix(s, "!")
	t.pattern = s
	if isDigit(at(s, 0)) {
		return // taken for an index, and compared as it stands
	}
	star := strings.IndexByte(s, '*')
	special := strings.IndexAny(s, `[?\`)
	switch {
	case star < 0 && special < 0:
		return
	case star > 0 && star < len(s)-1, special >= 0:
		t.how = matchGlob
		return
	case star > 0:
		t.how, t.pattern = matchFront, s[:star]
		return
	}
	t.how, t.pattern = matchEnd, s[1:]
	switch next := strings.IndexByte(s[1:], '*'); {
	case next < 0:
	case next == len(s)-2:
		t.how, t.pattern = matchMiddle, s[1:len(s)-1]
	default:
		t.how, t.pattern = matchGlob, s
	}
}

// match is filter_pred_fn_call().
func (t *term) match(rec []byte, c Context) bool {
	switch {
	case t.field.kind == commField && t.how != matchNone:
		return t.matchText(c.Comm, commSize) != t.not
	case t.field.kind == dynamicString && t.how != matchNone:
		loc := binary.LittleEndian.Uint32(rec[t.field.offset:])
		text := rec[min(int(loc&0xffff), len(rec)):]
		s, _, _ := bytes.Cut(text, []byte{0})
		return t.matchText(string(s), int(loc>>16)) != t.not
	case t.field.kind == cpuField && t.isSet:
		return t.cpuIn(uint64(c.CPU))
	case t.field.kind == cpuField:
		return compare(t.op, int64(c.CPU), int64(int32(t.value)))
	}
	size := t.field.size
	if size != 1 && size != 2 && size != 4 && size != 8 {
		return false // an array of another size: there is no function for it
	}
	v := getWord(rec[t.field.offset:][:size])
	shift := 64 - 8*size
	switch {
	case t.isSet:
		return t.cpuIn(uint64(uint32(v))) // unsigned int cpu
	case t.op == opEQ || t.op == opNE:
		return (v<<shift == t.value<<shift) != t.not
	case t.op == opBand:
		return v&(t.value<<shift>>shift) != 0
	case t.field.signed:
		return compare(t.op, int64(v<<shift), int64(t.value<<shift))
	}
	return compare(t.op, v<<shift, t.value<<shift)
}

func compare[T int64 | uint64](op operator, a, b T) bool {
	switch op {
	case opEQ:
		return a == b
	case opNE:
		return a != b
	case opLT:
		return a < b
	case opLE:
		return a <= b
	case opGT:
		return a > b
	case opGE:
		return a >= b
	case opGlob, opBand:
	}
	return false
}

// commSize is TASK_COMM_LEN.
const commSize = 16

// matchText compares a string, which takes size bytes with the zero at its end:
// the functions regex_match_*().
func (t *term) matchText(s string, size int) bool {
	if size > 0 {
		s = s[:min(len(s), size)]
	}
	switch t.how {
	case matchFull:
		return (size == 0 || size >= len(t.pattern)) && s == t.pattern
	case matchFront:
		return (size == 0 || size >= len(t.pattern)) && strings.HasPrefix(s, t.pattern)
	case matchMiddle:
		return strings.Contains(s, t.pattern)
	case matchEnd:
		return matchesEnd(s, t.pattern, size-1)
	case matchGlob:
		return glob(t.pattern, s)
	case matchNone:
	}
	return false
}

// matchesEnd looks for the pattern just before the last byte, wherever the zero is:
// in the name of a task, which has a fixed size, there are zeros.
func matchesEnd(s, pattern string, last int) bool {
	if last < len(pattern) {
		return false
	}
	padded := s + strings.Repeat("\x00", max(0, last-len(s)))
	return padded[last-len(pattern):last] == pattern
}

// glob is glob_match() of lib/glob.c: * ? [a-z] [!a-z] and \.
func glob(pattern, s string) bool {
	p, i := 0, 0
	back, again := -1, 0 // where to go on behind the last star
	for {
		c := at(s, i)
		i++
		d := at(pattern, p)
		p++
		ok := false
		switch d {
		case '?':
			if c == 0 {
				return false
			}
			continue
		case '*':
			if p >= len(pattern) {
				return true
			}
			i--
			back, again = p, i
			continue
		case '[':
			if c == 0 {
				return false
			}
			end, in, isClass := class(pattern, p, c)
			if !isClass {
				ok = c == d
				break
			}
			if ok = in; ok {
				p = end
				continue
			}
		case '\\':
			d = at(pattern, p)
			p++
			ok = c == d
		default:
			ok = c == d
		}
		switch {
		case ok && d == 0:
			return true
		case ok:
		case c == 0 || back < 0:
			return false
		default:
			again++
			p, i = back, again
		}
	}
}

// class is a class of characters in brackets. One that is not closed is none.
func class(pattern string, p int, c byte) (end int, in, ok bool) {
	inverted := at(pattern, p) == '!'
	if inverted {
		p++
	}
	a := at(pattern, p)
	p++
	for {
		b := a
		if a == 0 {
			return 0, false, false
		}
		if at(pattern, p) == '-' && at(pattern, p+1) != ']' {
			if b = at(pattern, p+1); b == 0 {
				return 0, false, false
			}
			p += 2
		}
		in = in || a <= c && c <= b
		a = at(pattern, p)
		p++
		if a == ']' {
			return p, in != inverted, true
		}
	}
}
