package x86

import "encoding/binary"

// SDM vol. 1, 10.5: the image of the x87, MMX and SSE state in memory.

const fxSize = 512

// mxcsrMask are the bits of MXCSR that may be set.
const mxcsrMask = 0xffff

// fxImage is what fxsave64 writes for a state.
func fxImage(s *State) (p [fxSize]byte) {
	le := binary.LittleEndian
	le.PutUint16(p[0:], s.X87.CW)
	le.PutUint16(p[2:], s.X87.SW)
	p[4] = s.X87.abridged()
	le.PutUint16(p[6:], s.X87.Op)
	le.PutUint64(p[8:], s.X87.IP)
	le.PutUint64(p[16:], s.X87.DP)
	le.PutUint32(p[24:], s.MXCSR)
	le.PutUint32(p[28:], mxcsrMask)
	top := s.X87.top()
	for i := range 8 {
		v := s.X87.R[(top+i)&7]
		le.PutUint64(p[32+16*i:], v.Sig)
		le.PutUint16(p[40+16*i:], v.SE)
	}
	for i, v := range s.XMM {
		le.PutUint64(p[160+16*i:], v[0])
		le.PutUint64(p[168+16*i:], v[1])
	}
	return p
}

// readFX takes a state from such an image.
func readFX(s *State, p *[fxSize]byte) {
	le := binary.LittleEndian
	s.X87 = X87{CW: le.Uint16(p[0:])&0x1f7f | 0x40, SW: le.Uint16(p[2:]), Op: le.Uint16(p[6:]) & 0x7ff, IP: le.Uint64(p[8:]), DP: le.Uint64(p[16:])}
	s.MXCSR = le.Uint32(p[24:])
	top := s.X87.top()
	for i := range 8 {
		s.X87.R[(top+i)&7] = Float80{le.Uint64(p[32+16*i:]), le.Uint16(p[40+16*i:])}
	}
	s.X87.Used = p[4]
	s.X87.summarize()
	for i := range s.XMM {
		s.XMM[i] = vec{le.Uint64(p[160+16*i:]), le.Uint64(p[168+16*i:])}
	}
}

// FXSave is what fxsave64 writes: 512 bytes, of which the last 96 are zero.
func (s *State) FXSave() [fxSize]byte { return fxImage(s) }

// FXRestore takes the x87 and SSE state from what FXSave has made. It is false, and
// changes nothing, if MXCSR has bits that cannot be.
func (s *State) FXRestore(p *[fxSize]byte) bool {
	var t State
	readFX(&t, p)
	if t.MXCSR&^mxcsrMask != 0 {
		return false
	}
	s.XMM, s.MXCSR, s.X87 = t.XMM, t.MXCSR, t.X87
	return true
}

// fxsave writes the image; the rest of the area is left alone.
func fxsave(c *CPU, in *insn) {
	addr := c.ea(in)
	if !c.aligned(addr) {
		return
	}
	s := c.State()
	p := fxImage(&s)
	c.storeBytes(addr, p[:416])
}

func fxrstor(c *CPU, in *insn) {
	addr := c.ea(in)
	if !c.aligned(addr) {
		return
	}
	var p [fxSize]byte
	if !c.loadBytes(addr, p[:], Read) {
		return
	}
	var s State
	readFX(&s, &p)
	if s.MXCSR&^mxcsrMask != 0 {
		c.raise(GeneralProtection, 0, 0)
		return
	}
	c.xmm, c.mxcsr, c.fpu = s.XMM, s.MXCSR, s.X87
}

func ldmxcsr(c *CPU, in *insn) {
	v, ok := load[uint32](c, c.ea(in), Read)
	if !ok {
		return
	}
	if v&^mxcsrMask != 0 {
		c.raise(GeneralProtection, 0, 0)
		return
	}
	c.mxcsr = v
}

func stmxcsr(c *CPU, in *insn) { store(c, c.ea(in), c.mxcsr) }
