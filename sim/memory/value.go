package memory

// Value is a number together with what it depends on: the loads of the task that
// flowed into it. The zero Value is the constant 0.
type Value struct {
	n    int64
	deps uint64 // the loads of the task, by the place of their event in the task
}

// Const is a number that depends on nothing.
func Const(n int64) Value { return Value{n: n} }

// Int is the number.
func (v Value) Int() int64 { return v.n }

// Op computes f on the numbers; what results depends on whatever a and b depend on,
// whether or not f uses them.
func Op(f func(a, b int64) int64, a, b Value) Value {
	return Value{f(a.n, b.n), a.deps | b.deps}
}

// addrBase keeps the codes of addresses apart from ordinary numbers.
const addrBase = 1 << 48

// maxLocations bounds Program.Locations, so that a set of them is one word.
const maxLocations = 64

// Addr is the address of a location. Its number can be stored, loaded and compared
// like any other; it is never 0.
func Addr(loc int) Value { return Const(addrBase + int64(loc)) }

// Loc returns the location whose address a number is, and whether it is one.
func Loc(n int64) (int, bool) {
	if n < addrBase || n >= addrBase+maxLocations {
		return 0, false
	}
	return int(n - addrBase), true
}
