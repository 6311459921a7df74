package litmus

import "trapline/sim/memory"

// The operators of C, on numbers of 64 bits. A comparison is 1 or 0.

func plus(a, b int64) int64   { return a + b }
func minus(a, b int64) int64  { return a - b }
func times(a, b int64) int64  { return a * b }
func and(a, b int64) int64    { return a & b }
func or(a, b int64) int64     { return a | b }
func xor(a, b int64) int64    { return a ^ b }
func andnot(a, b int64) int64 { return a &^ b }
func left(a, b int64) int64   { return a << (uint64(b) & 63) }
func right(a, b int64) int64  { return a >> (uint64(b) & 63) }

// divide and remainder give 0 where C gives nothing; the run ends with an error
// before anybody sees it.
func divide(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func remainder(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return a % b
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func equal(a, b int64) int64     { return truth(a == b) }
func unequal(a, b int64) int64   { return truth(a != b) }
func less(a, b int64) int64      { return truth(a < b) }
func greater(a, b int64) int64   { return truth(a > b) }
func atMost(a, b int64) int64    { return truth(a <= b) }
func atLeast(a, b int64) int64   { return truth(a >= b) }
func both(a, b int64) int64      { return truth(a != 0 && b != 0) }
func oneOrBoth(a, b int64) int64 { return truth(a != 0 || b != 0) }

// operators are those with two operands, with the places they have in C's order of
// binding. As in herd7 neither && nor || is a branch: both sides are evaluated, and
// the result depends on both as that of + does.
var operators = map[string]struct {
	binds int
	f     func(a, b int64) int64
}{
	"||": {1, oneOrBoth}, "&&": {2, both},
	"|": {3, or}, "^": {4, xor}, "&": {5, and},
	"==": {6, equal}, "!=": {6, unequal},
	"<": {7, less}, ">": {7, greater}, "<=": {7, atMost}, ">=": {7, atLeast},
	"<<": {8, left}, ">>": {8, right},
	"+": {9, plus}, "-": {9, minus},
	"*": {10, times}, "/": {10, divide}, "%": {10, remainder},
}

// nowhere is the code of a pointer outside of its variable. It is the address of
// nothing, and differs for each variable and distance.
const nowhere = 1 << 60

// pointers adds to and subtracts from pointers as C does: in elements, not bytes.
func (g *globals) pointers(op string, f func(a, b int64) int64) func(a, b int64) int64 {
	move := func(location int, by int64) int64 {
		v := g.at(location)
		if i := int64(location-v.first) + by; i >= 0 && i < int64(v.size) {
			return memory.Addr(v.first + int(i)).Int()
		}
		return nowhere + int64(location)<<32 + by&(1<<32-1)
	}
	return func(a, b int64) int64 {
		p, isP := g.location(a)
		q, isQ := g.location(b)
		switch {
		case isP && !isQ && op == "+":
			return move(p, b)
		case isQ && !isP && op == "+":
			return move(q, a)
		case isP && !isQ:
			return move(p, -b)
		case isP && isQ && op == "-":
			return int64(p - q)
		default:
			return f(a, b)
		}
	}
}
