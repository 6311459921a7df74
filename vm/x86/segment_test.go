package x86

import (
	"encoding/binary"
	"testing"
)

// segmentMachine is a processor with code at 0x1000 and words on the stack at
// 0x3000.
func segmentMachine(code []byte, stack ...uint64) *CPU {
	m := newFlat()
	m.write(0x1000, code)
	m.write(0x2fc0, make([]byte, 128))
	for i, v := range stack {
		m.write(0x3000+8*uint64(i), binary.LittleEndian.AppendUint64(nil, v))
	}
	c := New(m)
	c.SetRIP(0x1000)
	c.SetReg(RSP, 0x3000)
	return c
}

func TestFarReturns(t *testing.T) {
	for _, want := range []struct {
		name  string
		code  []byte
		stack []uint64
		rip   uint64
		sp    uint64
		flags uint64
	}{
		{"lretq", []byte{0x48, 0xcb}, []uint64{0x1234, userCS}, 0x1234, 0x3010, fixed | IF},
		{"lretq with arguments", []byte{0x48, 0xca, 8, 0}, []uint64{0x1234, userCS}, 0x1234, 0x3018, fixed | IF},
		{"lret of 4 bytes", []byte{0xcb}, []uint64{0x1234 | userCS<<32}, 0x1234, 0x3008, fixed | IF},
		{"iretq", []byte{0x48, 0xcf}, []uint64{0x1234, userCS, CF | 3<<12, 0x5678, userDS}, 0x1234, 0x5678, fixed | IF | CF},
		{"far jump", []byte{0x48, 0xff, 0x2c, 0x24}, []uint64{0x1234, userCS}, 0x1234, 0x3000, fixed | IF},
		{"far jump of 4 bytes", []byte{0xff, 0x2c, 0x24}, []uint64{0x1234 | userCS<<32}, 0x1234, 0x3000, fixed | IF},
		{"far call", []byte{0x48, 0xff, 0x5c, 0x24, 0x10}, []uint64{0, 0, 0x1234, userCS}, 0x1234, 0x2ff0, fixed | IF},
	} {
		c := segmentMachine(want.code, want.stack...)
		e := c.Step()
		if e.Kind != None || c.RIP() != want.rip || c.Reg(RSP) != want.sp || c.RFLAGS() != want.flags {
			t.Errorf("%s: %v, %#x, %#x, %#x", want.name, e, c.RIP(), c.Reg(RSP), c.RFLAGS())
		}
	}
	c := segmentMachine([]byte{0x48, 0xcb}, 0x1234, user32)
	if e := c.Step(); e != (Exception{Kind: GeneralProtection, Code: user32 &^ 3}) || c.Reg(RSP) != 0x3000 {
		t.Errorf("to 32-bit code: %v, %#x", e, c.Reg(RSP))
	}
}

func TestSelectorsAreKept(t *testing.T) {
	// mov ecx, fs; pop gs; mov [rsp], gs
	c := segmentMachine([]byte{0x8e, 0xe1, 0x0f, 0xa9, 0x8c, 0x2c, 0x24, 0x8c, 0xd2}, userDS)
	c.SetReg(RCX, userDS)
	c.SetFSBase(0x7000)
	c.SetGSBase(0x8000)
	if n, e := c.Run(4); n != 4 || e.Kind != None {
		t.Fatal(n, e)
	}
	s := c.State()
	if s.Selectors != [4]uint16{0, 0, userDS, userDS} || s.FSBase != 0 || s.GSBase != 0 || s.R[RSP] != 0x3008 || uint16(s.R[RDX]) != userDS {
		t.Errorf("%+v", s)
	}
	if v, _ := load[uint16](c, 0x3008, Read); v != userDS {
		t.Errorf("gs in memory: %#x", v)
	}
}
