package x86

import "encoding/binary"

// SDM vol. 1, 8.3.12: control of the unit. These do not wait for exceptions,
// but for fldcw, fldenv and frstor.

func fldcw(c *CPU, in *insn) {
	if c.fpuPending() {
		return
	}
	if v, ok := load[uint16](c, c.ea(in), Read); ok {
		c.fpu.CW = v&0x1f7f | 0x40
		c.fpu.summarize()
	}
}

func fnstcw(c *CPU, in *insn)  { store(c, c.ea(in), c.fpu.CW) }
func fnstsw(c *CPU, in *insn)  { store(c, c.ea(in), c.fpu.SW) }
func fnstswAX(c *CPU, _ *insn) { setReg(c, RAX, 0, c.fpu.SW) }

func fnclex(c *CPU, _ *insn) { c.fpu.SW &^= fpErrors | fpSF | fpES | fpBusy }

// fninit leaves the registers, but says that they are empty.
func fninit(c *CPU, _ *insn) { c.fpu = X87{CW: 0x37f, R: c.fpu.R} }

func ffree(c *CPU, in *insn) {
	if _, ok := c.x87(in); ok {
		c.fpu.SW &^= fpC1
		c.fpu.Used &^= 1 << c.fpu.physical(int(in.cond))
	}
}

func x87Turn(by int) operation {
	return func(c *CPU, in *insn) {
		if _, ok := c.x87(in); ok {
			c.fpu.SW &^= fpC1
			c.fpu.setTop(c.fpu.top() + by)
		}
	}
}

func fnop(c *CPU, in *insn) { c.x87(in) }

// tags is the tag word: two bits for each physical register.
func (x *X87) tags() (tw uint16) {
	for i := range 8 {
		t := uint16(3)
		if x.Used>>i&1 != 0 {
			n, ok := unpack80(x.R[i])
			switch {
			case !ok || n.class == nan || n.class == infinite || n.denormal:
				t = 2
			case n.class == zero:
				t = 1
			default:
				t = 0
			}
		}
		tw |= t << (2 * i)
	}
	return tw
}

const envSize = 28

// image is what fnstenv writes (SDM vol. 1, 8.1.10): the form of 32-bit
// protected mode, which 64-bit code uses too.
func (x *X87) image() (p [envSize]byte) {
	le := binary.LittleEndian
	le.PutUint32(p[0:], 0xffff0000|uint32(x.CW))
	le.PutUint32(p[4:], 0xffff0000|uint32(x.SW))
	le.PutUint32(p[8:], 0xffff0000|uint32(x.tags()))
	le.PutUint32(p[12:], uint32(x.IP))
	le.PutUint32(p[20:], uint32(x.DP))
	le.PutUint32(p[24:], 0xffff0000)
	return p
}

func (x *X87) setImage(p []byte) {
	le := binary.LittleEndian
	x.CW = le.Uint16(p[0:])&0x1f7f | 0x40
	x.SW = le.Uint16(p[4:])
	x.Used = 0
	for i := range 8 {
		if le.Uint16(p[8:])>>(2*i)&3 != 3 {
			x.Used |= 1 << i
		}
	}
	x.IP, x.DP = uint64(le.Uint32(p[12:])), uint64(le.Uint32(p[20:]))
	x.summarize()
}

// fnstenv masks all exceptions once it has stored the environment.
func fnstenv(c *CPU, in *insn) {
	p := c.fpu.image()
	if c.storeBytes(c.ea(in), p[:]) {
		c.fpu.CW |= fpErrors
		c.fpu.summarize()
	}
}

func fldenv(c *CPU, in *insn) {
	var p [envSize]byte
	if !c.fpuPending() && c.loadBytes(c.ea(in), p[:], Read) {
		c.fpu.setImage(p[:])
	}
}

const saveSize = envSize + 80

func fnsave(c *CPU, in *insn) {
	var p [saveSize]byte
	env := c.fpu.image()
	copy(p[:], env[:])
	for i := range 8 {
		v := c.fpu.R[c.fpu.physical(i)]
		binary.LittleEndian.PutUint64(p[envSize+10*i:], v.Sig)
		binary.LittleEndian.PutUint16(p[envSize+10*i+8:], v.SE)
	}
	if c.storeBytes(c.ea(in), p[:]) {
		fninit(c, in)
	}
}

func frstor(c *CPU, in *insn) {
	var p [saveSize]byte
	if c.fpuPending() || !c.loadBytes(c.ea(in), p[:], Read) {
		return
	}
	c.fpu.setImage(p[:])
	for i := range 8 {
		c.fpu.R[c.fpu.physical(i)] = Float80{
			binary.LittleEndian.Uint64(p[envSize+10*i:]),
			binary.LittleEndian.Uint16(p[envSize+10*i+8:]),
		}
	}
}
