package x86

import "math/bits"

// Floating-point arithmetic with integers, for all three formats, rounding
// modes and exception flags (SDM vol. 1, 4.8 and 4.9): what the processor of
// the host does plays no part.

// A format is one of the floating-point formats.
type format struct {
	prec uint // bits of the significand, with the first
	emin int
	emax int
}

var (
	single   = &format{24, -126, 127}
	double64 = &format{53, -1022, 1023}
	extended = &format{64, -16382, 16383}
)

type class uint8

const (
	zero class = iota
	finite
	infinite
	nan
)

// A num is an unpacked number: 1.sig * 2^exp, where the first bit of sig is the
// integer bit. A NaN has its payload there; bit 62 makes it quiet.
type num struct {
	class    class
	neg      bool
	denormal bool
	exp      int
	sig      uint64
}

const (
	integerBit = 1 << 63
	quietBit   = 1 << 62
)

func (n num) signaling() bool { return n.class == nan && n.sig&quietBit == 0 }

func (n num) quiet() num {
	n.sig |= quietBit
	return n
}

// indefinite is the NaN that invalid operations produce.
var indefinite = num{class: nan, neg: true, sig: integerBit | quietBit}

// unpack takes the bits of a number of a short format apart.
func (f *format) unpack(b uint64) num {
	frac := f.prec - 1
	n := num{neg: b>>(f.width()-1)&1 != 0}
	e := int(b >> frac & uint64(2*f.emax+1))
	sig := b & (1<<frac - 1) << (63 - frac)
	switch {
	case e == 2*f.emax+1:
		n.class, n.sig = infinite, integerBit
		if sig != 0 {
			n.class, n.sig = nan, sig|integerBit
		}
	case e != 0:
		n.class, n.exp, n.sig = finite, e-f.emax, sig|integerBit
	case sig != 0:
		shift := bits.LeadingZeros64(sig)
		n.class, n.denormal, n.exp, n.sig = finite, true, f.emin-shift, sig<<shift
	}
	return n
}

func (f *format) width() uint {
	if f.prec == 24 {
		return 32
	}
	return 64
}

// pack puts a rounded number together; the significand of a denormal one lacks
// the integer bit.
func (f *format) pack(n num) uint64 {
	frac := f.prec - 1
	b := bit(n.neg) << (f.width() - 1)
	top := uint64(2*f.emax+1) << frac
	sig := n.sig &^ integerBit >> (63 - frac)
	switch n.class {
	case zero:
		return b
	case infinite:
		return b | top
	case nan:
		return b | top | sig
	}
	if n.sig&integerBit == 0 {
		return b | sig
	}
	return b | uint64(n.exp+f.emax)<<frac | sig
}

// An environment is what the control registers say, and collects exceptions:
// those found before the operation, and those of its result.
type environment struct {
	mode      uint8 // 0 nearest, 1 down, 2 up, 3 towards zero
	daz, ftz  bool
	masked    uint8 // exceptions
	pre, post uint8
	wraps     bool // an exponent out of range that is not masked is brought into it, as x87 does
	up        bool // the last rounding was away from zero
}

const (
	roundNearest = iota
	roundDown
	roundUp
	roundZero
)

// wrapBias is added to an exponent (SDM vol. 1, 8.5.4).
const wrapBias = 24576

// An exact is a result before rounding: hi and lo are its significand, the
// first bit set unless it is zero, the last one also set for what does not fit.
type exact struct {
	neg    bool
	exp    int
	hi, lo uint64
}

// cut rounds a significand to prec bits.
func (e *environment) cut(x exact, prec uint) (sig uint64, carry, inexact bool) {
	drop := 64 - prec
	unit := uint64(1) << drop
	tail, half := x.hi&(unit-1), unit>>1
	low := x.lo
	if drop == 0 { // compare lo alone
		tail, half, low = x.lo, integerBit, 0
	}
	sig = x.hi &^ (unit - 1)
	inexact = tail|low != 0
	switch e.mode {
	case roundNearest:
		e.up = tail > half || tail == half && (low != 0 || sig&unit != 0)
	case roundDown:
		e.up = inexact && x.neg
	case roundUp:
		e.up = inexact && !x.neg
	default:
		e.up = false
	}
	if e.up {
		if sig += unit; sig == 0 {
			return integerBit, true, inexact
		}
	}
	return sig, false, inexact
}

// round makes a number of a format, of fewer bits if prec says so.
func (e *environment) round(x exact, f *format, prec uint) num {
	if x.hi|x.lo == 0 {
		return num{neg: x.neg}
	}
	sig, carry, inexact := e.cut(x, prec)
	exp := x.exp
	if carry {
		exp++
	}
	if exp > f.emax {
		e.post |= fpOE
		if inexact || e.masked&fpOE != 0 {
			e.post |= fpPE
		}
		if e.wraps && e.masked&fpOE == 0 && exp-wrapBias > f.emax {
			e.post |= fpPE
			e.up = true
			return num{class: infinite, neg: x.neg, sig: integerBit}
		}
		if e.wraps && e.masked&fpOE == 0 {
			return num{class: finite, neg: x.neg, exp: exp - wrapBias, sig: sig}
		}
		e.up = e.mode == roundNearest || e.mode == roundUp && !x.neg || e.mode == roundDown && x.neg
		if e.up {
			return num{class: infinite, neg: x.neg, sig: integerBit}
		}
		return num{class: finite, neg: x.neg, exp: f.emax, sig: ^uint64(0) << (64 - prec)}
	}
	if x.exp >= f.emin {
		if inexact {
			e.post |= fpPE
		}
		return num{class: finite, neg: x.neg, exp: exp, sig: sig}
	}
	tiny := exp < f.emin
	if tiny && e.ftz && e.masked&fpUE != 0 {
		e.post |= fpUE | fpPE
		return num{neg: x.neg}
	}
	if tiny && e.masked&fpUE == 0 { // no result: PE is that of an unbounded exponent
		e.post |= fpUE
		if inexact {
			e.post |= fpPE
		}
		if e.wraps && exp+wrapBias < f.emin {
			e.post |= fpPE
			return num{neg: x.neg}
		}
		if e.wraps {
			return num{class: finite, neg: x.neg, exp: exp + wrapBias, sig: sig}
		}
		return num{neg: x.neg}
	}
	x.hi, x.lo = jam(x.hi, x.lo, uint(f.emin-x.exp))
	sig, _, inexact = e.cut(x, prec)
	if inexact {
		e.post |= fpPE
	}
	if tiny && inexact {
		e.post |= fpUE
	}
	if sig == 0 {
		return num{neg: x.neg}
	}
	return num{class: finite, neg: x.neg, exp: f.emin, sig: sig}
}

// jam shifts right; what falls out stays visible in the last bit.
func jam(hi, lo uint64, n uint) (uint64, uint64) {
	switch {
	case n == 0:
		return hi, lo
	case n < 64:
		return hi >> n, hi<<(64-n) | lo>>n | bit(lo<<(64-n) != 0)
	case n < 128:
		return 0, hi>>(n-64) | bit(lo != 0 || n > 64 && hi<<(128-n) != 0)
	}
	return 0, bit(hi|lo != 0)
}

func (n num) exact() exact { return exact{n.neg, n.exp, n.sig, 0} }

// An arithmetic computes a result of two numbers that are not NaNs; ok is false
// where the operation is invalid. Results that need no rounding are nums.
type arithmetic func(e *environment, a, b num) (x exact, n num, rounded, ok bool)

func addNums(e *environment, a, b num) (exact, num, bool, bool) {
	switch {
	case a.class == infinite:
		return exact{}, a, true, b.class != infinite || a.neg == b.neg
	case b.class == infinite:
		return exact{}, b, true, true
	case a.class == zero && b.class == zero:
		return exact{}, num{neg: a.neg && b.neg || a.neg != b.neg && e.mode == roundDown}, true, true
	case a.class == zero:
		return b.exact(), num{}, false, true
	case b.class == zero:
		return a.exact(), num{}, false, true
	}
	if a.exp < b.exp || a.exp == b.exp && a.sig < b.sig {
		a, b = b, a
	}
	x := a.exact()
	hi, lo := jam(b.sig, 0, uint(a.exp-b.exp))
	if a.neg == b.neg {
		var c uint64
		x.lo = lo
		x.hi, c = bits.Add64(a.sig, hi, 0)
		if c != 0 {
			x.hi, x.lo = jam(x.hi, x.lo, 1)
			x.hi |= integerBit
			x.exp++
		}
		return x, num{}, false, true
	}
	var c uint64
	x.lo, c = bits.Sub64(0, lo, 0)
	x.hi, _ = bits.Sub64(a.sig, hi, c)
	if x.hi|x.lo == 0 {
		return x, num{neg: e.mode == roundDown}, true, true
	}
	x.normalize()
	return x, num{}, false, true
}

func (x *exact) normalize() {
	if x.hi == 0 {
		x.hi, x.lo = x.lo, 0
		x.exp -= 64
	}
	n := uint(bits.LeadingZeros64(x.hi))
	x.hi = x.hi<<n | x.lo>>(64-n)
	x.lo <<= n
	x.exp -= int(n)
}

func subNums(e *environment, a, b num) (exact, num, bool, bool) {
	b.neg = !b.neg
	return addNums(e, a, b)
}

func mulNums(_ *environment, a, b num) (exact, num, bool, bool) {
	neg := a.neg != b.neg
	switch {
	case a.class == infinite || b.class == infinite:
		return exact{}, num{class: infinite, neg: neg, sig: integerBit}, true, a.class != zero && b.class != zero
	case a.class == zero || b.class == zero:
		return exact{}, num{neg: neg}, true, true
	}
	x := exact{neg: neg, exp: a.exp + b.exp + 1}
	x.hi, x.lo = bits.Mul64(a.sig, b.sig)
	x.normalize()
	return x, num{}, false, true
}

func divNums(e *environment, a, b num) (exact, num, bool, bool) {
	neg := a.neg != b.neg
	switch {
	case a.class == infinite:
		return exact{}, num{class: infinite, neg: neg, sig: integerBit}, true, b.class != infinite
	case b.class == zero:
		if a.class == zero {
			return exact{}, num{}, true, false
		}
		e.pre |= fpZE
		return exact{}, num{class: infinite, neg: neg, sig: integerBit}, true, true
	case a.class == zero || b.class == infinite:
		return exact{}, num{neg: neg}, true, true
	}
	x := exact{neg: neg, exp: a.exp - b.exp}
	hi, lo := a.sig>>1, a.sig<<63
	if a.sig < b.sig {
		hi, lo = a.sig, 0
		x.exp--
	}
	var rest uint64
	x.hi, rest = bits.Div64(hi, lo, b.sig)
	x.lo, rest = bits.Div64(rest, 0, b.sig)
	x.lo |= bit(rest != 0)
	return x, num{}, false, true
}

// sqrtNums computes the root of b.
func sqrtNums(_ *environment, _, b num) (exact, num, bool, bool) {
	switch {
	case b.class == zero:
		return exact{}, b, true, true
	case b.neg:
		return exact{}, num{}, true, false
	case b.class == infinite:
		return exact{}, b, true, true
	}
	hi, lo := b.sig>>1, b.sig<<63
	if b.exp&1 != 0 {
		hi, lo = b.sig, 0
	}
	x := exact{exp: b.exp >> 1}
	for m := uint64(integerBit); m != 0; m >>= 1 {
		t := x.hi | m
		if h, l := bits.Mul64(t, t); h < hi || h == hi && l <= lo {
			x.hi = t
		}
	}
	h, l := bits.Mul64(x.hi, x.hi)
	l, c := bits.Sub64(lo, l, 0)
	h, _ = bits.Sub64(hi, h, c)
	x.lo = bit(h != 0 || l > x.hi)<<63 | bit(h|l != 0)
	return x, num{}, false, true
}

// order compares numbers that are not NaNs: -1, 0 or 1.
func order(a, b num) int {
	sign := func(neg bool) int {
		if neg {
			return -1
		}
		return 1
	}
	switch {
	case a.class == zero && b.class == zero:
		return 0
	case a.class == zero:
		return -sign(b.neg)
	case b.class == zero || a.neg != b.neg:
		return sign(a.neg)
	case a.class == infinite && b.class == infinite:
		return 0
	case a.class == infinite:
		return sign(a.neg)
	case b.class == infinite:
		return -sign(b.neg)
	case a.exp != b.exp:
		return sign(a.neg != (a.exp < b.exp))
	case a.sig != b.sig:
		return sign(a.neg != (a.sig < b.sig))
	}
	return 0
}

// toInt rounds a number to an integer of so many bits; ok is false where it
// does not fit or is none.
func (e *environment) toInt(n num, size uint) (v int64, ok bool) {
	switch {
	case n.class == zero:
		return 0, true
	case n.class != finite || n.exp > 63:
		return 0, false
	}
	hi, lo := jam(n.sig, 0, uint(63-n.exp)) // hi is the integer
	x := exact{n.neg, 63, hi, lo}
	m, carry, inexact := e.cut(x, 64)
	limit := uint64(1) << (size - 1)
	if n.neg {
		limit++
	}
	if carry || m >= limit {
		return 0, false
	}
	if inexact {
		e.post |= fpPE
	}
	if n.neg {
		return -int64(m), true
	}
	return int64(m), true
}

// fromInt is an integer before rounding.
func fromInt(v int64) (exact, bool) {
	if v == 0 {
		return exact{}, false
	}
	x := exact{neg: v < 0, exp: 63, hi: uint64(v)}
	if v < 0 {
		x.hi = -x.hi
	}
	x.normalize()
	return x, true
}
