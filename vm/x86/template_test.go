//go:build linux && amd64

package x86

import "encoding/binary"

// A template describes a family of encodings. The tests draw one, then its
// size, its operands and the state.
type template struct {
	name  string
	pre   byte   // mandatory prefix
	op    []byte // opcode
	ext   int    // reg field of the ModRM byte; anyReg, or noModRM
	sizes string // operand sizes: b for bytes, v for 16, 32 and 64 bits, y for 32 and 64, q for 64 alone
	imm   byte   // b: a byte; z: 16 or 32 bits; w: 16 bits; v: as the operand
	forms byte   // onlyReg, onlyMem, or both
	align bool   // the memory operand is 16 bytes
	lock  bool   // lock is allowed
	undef func(in *instance) uint64
}

const (
	anyReg  = -1
	noModRM = -2

	onlyReg = 1
	onlyMem = 2
)

// An instance is an instruction with the state that it runs in.
type instance struct {
	template
	code  []byte
	size  int // of the operand in bits
	state State
	data  [dataSize]byte
	undef uint64 // status flags that are undefined afterwards
	count uint64 // immediate byte, or CL
	mem   bool
	base  int // register that the memory operand begins at, if any
}

// Where the host's process keeps its own code and stacks.
const (
	hostBase         = 0x10000000
	hostReserved     = hostBase - PageSize
	hostReservedSize = 0x70000
)

// choose draws a number below n.
type choose func(n int, what string) int

// values makes a stream of numbers, among them those where things go wrong.
type values uint64

func (v *values) raw() uint64 {
	*v += 0x9e3779b97f4a7c15
	z := uint64(*v)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (v *values) next() uint64 {
	r := v.raw()
	switch r >> 60 {
	case 0, 1, 2, 3, 4, 5:
		return v.raw()
	case 6:
		return r & 0xff
	case 7:
		return -(r & 0xff)
	case 8:
		return 1 << (r & 63)
	case 9:
		return 1<<(r&63) - 1
	case 10:
		return ^uint64(0)
	case 11:
		return 0
	case 12:
		return v.raw() & 0xffffffff
	case 13:
		return 0x8080808080808080 >> (r & 7)
	case 14:
		return v.raw() & 0xff00ff00ff00ff00
	}
	return v.raw() >> (r & 63)
}

// float makes numbers that are hard for floating-point units, of both formats.
func (v *values) float(double bool) uint64 {
	r := v.raw()
	sign, frac := r>>63, v.raw()
	var exp uint64
	switch r & 15 {
	case 0:
		exp = 0
	case 1:
		exp, frac = 0, 0
	case 2:
		exp = 0x7ff
	case 3:
		exp, frac = 0x7ff, 0
	case 4:
		exp = 1 + r>>8&3
	case 5:
		exp = 0x7fe - r>>8&3
	case 6, 7, 8, 9:
		exp = 0x3ff + r>>8&63 - 32
	case 10:
		exp = 0x3ff + r>>8&7
		frac &= 3 << (r >> 16 & 63)
	default:
		exp = r >> 8 & 0x7ff
	}
	switch r >> 32 & 7 {
	case 0:
		frac = 0
	case 1:
		frac = ^uint64(0)
	case 2:
		frac = 1 << (r >> 40 & 63)
	}
	if double {
		return sign<<63 | exp<<52 | frac>>12
	}
	if exp != 0 && exp != 0x7ff {
		exp = min(max(exp, 0x380)-0x380, 0xfe)
	}
	return sign<<31 | exp&0xff<<23 | frac>>41
}

// build draws an instance of a template.
func build(t template, draw choose, seed uint64) *instance {
	v := values(seed)
	in := &instance{template: t, base: -1}
	in.state = Initial()
	for i := range in.state.R {
		if in.state.R[i] = v.next(); in.state.R[i]-hostReserved < hostReservedSize {
			in.state.R[i] = 0 // no stray pointers into the host's process
		}
	}
	in.state.RFLAGS = fixed | IF | v.raw()&(status|DF)
	for i := range in.state.XMM {
		switch v.raw() % 3 {
		case 0:
			in.state.XMM[i] = vec{v.next(), v.next()}
		case 1:
			in.state.XMM[i] = vec{v.float(true), v.float(true)}
		default:
			in.state.XMM[i] = vec{v.float(false) | v.float(false)<<32, v.float(false) | v.float(false)<<32}
		}
	}
	in.state.MXCSR = 0x1f80
	if v.raw()%2 == 0 {
		in.state.MXCSR |= uint32(v.raw()) & 0xe07f
	}
	if v.raw()%16 == 0 {
		in.state.MXCSR &^= uint32(v.raw()) & 0x1f80
	}
	for i := 0; i < dataSize; i += 8 {
		x := v.next()
		switch v.raw() % 4 {
		case 0:
			x = v.float(true)
		case 1:
			x = v.float(false) | v.float(false)<<32
		}
		binary.LittleEndian.PutUint64(in.data[i:], x)
	}

	var prefix []byte
	rex := byte(0x40)
	useREX := draw(2, "rex") == 1
	switch t.sizes {
	case "b":
		in.size = 8
	case "v", "y":
		in.size = 16 << draw(3, "size")
		if t.sizes == "y" {
			in.size = max(in.size, 32)
		}
	case "q":
		in.size = 64
	default:
		in.size = 32
	}
	if in.size == 16 && t.sizes == "v" {
		prefix = append(prefix, 0x66)
	}
	if in.size == 64 && t.sizes != "q" {
		rex |= 8
		useREX = true
	}
	reg := byte(draw(16, "reg"))
	if t.ext >= 0 {
		reg = byte(t.ext)
	}
	var tail []byte
	length := 0
	if t.ext != noModRM {
		in.mem = t.forms == onlyMem || t.forms != onlyReg && draw(2, "mem") == 1
		if !in.mem {
			rm := byte(draw(16, "rm"))
			tail = append(tail, 0xc0|reg&7<<3|rm&7)
			rex |= rm >> 3
		} else {
			target := uint64(hostData + 64 + draw(64, "offset"))
			if t.align && draw(16, "misalign") != 0 {
				target &^= 15
			}
			if draw(24, "fault") == 0 {
				target = []uint64{0x10, 0x7fffffffe000, 0x800000000000, 0xffff7fffffffffff, hostBase - 2}[draw(5, "where")]
			}
			if draw(16, "segment") == 0 {
				prefix = append(prefix, []byte{0x64, 0x65, 0x2e, 0x3e}[draw(4, "which")])
			}
			if draw(16, "67") == 0 {
				prefix = append(prefix, 0x67)
			}
			var bits byte
			tail, bits, length = in.memory(target, reg&7, draw, &v)
			rex |= bits
		}
		if t.ext < 0 {
			rex |= reg >> 3 << 2
		}
	}
	op := append([]byte(nil), t.op...)
	if t.ext == noModRM && t.forms == onlyReg { // the register is in the opcode
		op[len(op)-1] |= reg & 7
		rex |= reg >> 3
	}
	if t.lock && in.mem && draw(4, "lock") == 0 || !t.lock && draw(64, "bad lock") == 0 {
		prefix = append(prefix, 0xf0)
	}
	if t.pre != 0 {
		prefix = append(prefix, t.pre)
	}
	if rex != 0x40 || useREX {
		prefix = append(prefix, rex)
	}
	in.code = append(append(prefix, op...), tail...)
	imm := v.next()
	var n int
	switch t.imm {
	case 'b':
		n = 1
	case 'w':
		n = 2
	case 'z':
		n = min(in.size/8, 4)
	case 'v':
		n = in.size / 8
	}
	in.code = append(in.code, binary.LittleEndian.AppendUint64(nil, imm)[:n]...)
	if length > 0 { // RIP-relative: from the end
		at := length + len(in.code) - n - len(tail)
		d := binary.LittleEndian.Uint32(in.code[at:])
		binary.LittleEndian.PutUint32(in.code[at:], d-uint32(hostSlot+len(in.code)))
	}
	in.count = in.state.R[RCX] & 0xff
	if t.imm == 'b' {
		in.count = imm & 0xff
	}
	if t.undef != nil {
		in.undef = t.undef(in)
	}
	return in
}

// memory writes the ModRM byte and what follows for an operand at target, and
// sets the registers so that it is there. It returns the bits of REX, and the
// place of a displacement that is to be made relative to the end.
func (in *instance) memory(target uint64, reg byte, draw choose, v *values) (tail []byte, rex byte, relative int) {
	r := &in.state.R
	disp := uint64(int32(v.next()))
	switch draw(4, "mode") {
	case 0: // [rip+disp]
		return binary.LittleEndian.AppendUint32([]byte{reg<<3 | 5}, uint32(target)), 0, 1
	case 1: // [disp]
		return binary.LittleEndian.AppendUint32([]byte{reg<<3 | 4, 0x25}, uint32(target)), 0, 0
	case 2: // [base+disp8]
		base := draw(16, "base")
		in.base = base
		r[base] = target - uint64(int8(disp))
		if base&7 == RSP {
			return []byte{0x40 | reg<<3 | 4, 0x24, byte(disp)}, byte(base >> 3), 0
		}
		return []byte{0x40 | reg<<3 | byte(base&7), byte(disp)}, byte(base >> 3), 0
	}
	base, index, scale := draw(16, "base"), draw(16, "index"), draw(4, "scale")
	if index == base {
		index = RSP // none
	}
	in.base = base
	r[base] = target - disp
	if index != RSP {
		r[base] -= r[index] << scale
	}
	tail = []byte{0x80 | reg<<3 | 4, byte(scale<<6 | index&7<<3 | base&7)}
	return binary.LittleEndian.AppendUint32(tail, uint32(disp)), byte(base>>3 | index>>3<<1), 0
}

// Which flags are undefined (SDM vol. 1, appendix A).
func undefLogic(*instance) uint64 { return AF }
func undefMul(*instance) uint64   { return SF | ZF | AF | PF }
func undefAll(*instance) uint64   { return status }
func undefScan(*instance) uint64  { return status &^ ZF }
func undefBit(*instance) uint64   { return OF | SF | AF | PF }

func (in *instance) shiftCount() uint64 {
	if in.size == 64 {
		return in.count & 63
	}
	return in.count & 31
}

func undefShift(in *instance) uint64 {
	switch n := in.shiftCount(); {
	case n == 0:
		return 0
	case n == 1:
		return AF
	case n > uint64(in.size):
		return AF | OF | CF
	}
	return AF | OF
}

func undefShift1(*instance) uint64 { return AF }

func undefRotate(in *instance) uint64 {
	if in.shiftCount() <= 1 {
		return 0
	}
	return OF
}

func undefDouble(in *instance) uint64 {
	if in.shiftCount() > uint64(in.size) {
		return undefinedResult
	}
	return undefShift(in)
}

// undefinedResult marks instances whose results are undefined as well.
const undefinedResult = 1 << 63
