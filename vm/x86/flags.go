package x86

import "math/bits"

// The bits of RFLAGS (SDM vol. 1, 3.4.3).
const (
	CF    = 1 << 0
	fixed = 1 << 1 // always set
	PF    = 1 << 2
	AF    = 1 << 4
	ZF    = 1 << 6
	SF    = 1 << 7
	TF    = 1 << 8
	IF    = 1 << 9
	DF    = 1 << 10
	OF    = 1 << 11
	NT    = 1 << 14
	RF    = 1 << 16
	AC    = 1 << 18
	ID    = 1 << 21

	status = CF | PF | AF | ZF | SF | OF
	// popfMask is what popf changes in user mode with IOPL 0.
	popfMask = status | TF | DF | NT | AC | ID
)

// flags holds the status flags in a form that is cheap to write: most results
// of arithmetic are overwritten before anybody looks at the flags. (The idea of
// keeping the vector of carries is from Bochs, docs/How the Bochs works under
// the hood, D. Mihocka and S. Shwartsman.)
type flags struct {
	res   uint64 // result, its sign extended: ZF, SF and PF
	carry uint64 // bit 63 is the carry out of the result, bit 62 the one into its sign
	aux   uint64 // bit 4: AF; bits 8 to 15: to be xored to the byte for PF; bit 63: to SF
}

func (f *flags) cf() bool { return int64(f.carry) < 0 }
func (f *flags) of() bool { return int64(f.carry^f.carry<<1) < 0 }
func (f *flags) zf() bool { return f.res == 0 }
func (f *flags) sf() bool { return int64(f.res^f.aux) < 0 }
func (f *flags) pf() bool { return bits.OnesCount8(uint8(f.res^f.aux>>8))&1 == 0 }
func (f *flags) lt() bool { return int64(f.res^f.aux^f.carry^f.carry<<1) < 0 } // SF != OF

// pack gives the status flags their places in RFLAGS.
func (f *flags) pack() uint64 {
	return bit(f.cf()) | bit(f.pf())<<2 | f.aux&AF | bit(f.zf())<<6 | bit(f.sf())<<7 | bit(f.of())<<11
}

// unpack takes the status flags from their places in RFLAGS.
func unpack(r uint64) flags {
	res := ^r >> 6 & 1
	parity := res ^ ^r>>2&1
	return flags{
		res:   res,
		carry: r<<63 | (r^r>>11)&1<<62,
		aux:   r&AF | parity<<8 | r>>7&1<<63,
	}
}

// setCF changes the carry alone.
func (f *flags) setCF(cf bool) {
	of := f.of()
	f.carry = bit(cf)<<63 | bit(cf != of)<<62
}

// setCarry changes CF and OF alone.
func (f *flags) setCarry(cf, of bool) {
	f.carry = bit(cf)<<63 | bit(cf != of)<<62
}

// result sets ZF, SF and PF from a result and clears the others.
func result[T word](f *flags, r T) {
	f.res = uint64(signed(r))
	f.carry = 0
	f.aux = 0
}

// sum sets the flags of r = a + b (+ carry); of a difference, see diff.
func sum[T word](f *flags, a, b, r T) {
	f.res = uint64(signed(r))
	f.carry = uint64(a&b|(a|b)&^r) << (64 - width[T]())
	f.aux = uint64(a^b^r) & AF
}

// diff sets the flags of r = a - b (- borrow).
func diff[T word](f *flags, a, b, r T) {
	f.res = uint64(signed(r))
	f.carry = uint64(^a&b|(^a|b)&r) << (64 - width[T]())
	f.aux = uint64(a^b^r) & AF
}

// conditions are those of jcc, setcc and cmovcc, by the low four bits of their
// opcodes (SDM vol. 1, appendix B).
var conditions = [16]func(f *flags) bool{
	func(f *flags) bool { return f.of() },
	func(f *flags) bool { return !f.of() },
	func(f *flags) bool { return f.cf() },
	func(f *flags) bool { return !f.cf() },
	func(f *flags) bool { return f.zf() },
	func(f *flags) bool { return !f.zf() },
	func(f *flags) bool { return f.cf() || f.zf() },
	func(f *flags) bool { return !f.cf() && !f.zf() },
	func(f *flags) bool { return f.sf() },
	func(f *flags) bool { return !f.sf() },
	func(f *flags) bool { return f.pf() },
	func(f *flags) bool { return !f.pf() },
	func(f *flags) bool { return f.lt() },
	func(f *flags) bool { return !f.lt() },
	func(f *flags) bool { return f.lt() || f.zf() },
	func(f *flags) bool { return !f.lt() && !f.zf() },
}
