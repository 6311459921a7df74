package x86

import "testing"

// TestBranches runs what the host's process cannot: it goes elsewhere.
func TestBranches(t *testing.T) {
	const stack = 0x3800
	for _, c := range []struct {
		name string
		code []byte
		set  func(s *State)
		rip  uint64 // afterwards, relative to the code
		want func(s *State) bool
	}{
		{"jmp rel8", []byte{0xeb, 0x10}, nil, 0x12, nil},
		{"jmp rel32 back", []byte{0xe9, 0xfb, 0xff, 0xff, 0xff}, nil, 0, nil},
		{"jmp [rip]", []byte{0xff, 0x25, 0, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0}, nil, 0x234, nil},
		{"call", []byte{0xe8, 0x10, 0, 0, 0}, nil, 0x15, func(s *State) bool { return s.R[RSP] == stack-8 }},
		{"call rcx", []byte{0xff, 0xd1}, func(s *State) { s.R[RCX] = 0x1040 }, 0x40, func(s *State) bool { return s.R[RSP] == stack-8 }},
		{"ret 16", []byte{0xc2, 16, 0}, nil, 1<<64 - 0x1000, func(s *State) bool { return s.R[RSP] == stack+24 }},
		{"loop", []byte{0xe2, 0x10}, func(s *State) { s.R[RCX] = 2 }, 0x12, func(s *State) bool { return s.R[RCX] == 1 }},
		{"loop to the end", []byte{0xe2, 0x10}, func(s *State) { s.R[RCX] = 1 }, 2, nil},
		{"loop with ecx", []byte{0x67, 0xe2, 0x10}, func(s *State) { s.R[RCX] = 1 << 32 }, 0x13, func(s *State) bool { return s.R[RCX] == 0xffffffff }},
		{"loope", []byte{0xe1, 0x10}, func(s *State) { s.R[RCX] = 2 }, 2, nil},
		{"loopne", []byte{0xe0, 0x10}, func(s *State) { s.R[RCX] = 2 }, 0x12, nil},
		{"jrcxz", []byte{0xe3, 0x10}, func(s *State) { s.R[RCX] = 1 << 32 }, 2, nil},
		{"jecxz", []byte{0x67, 0xe3, 0x10}, func(s *State) { s.R[RCX] = 1 << 32 }, 0x13, nil},
		{"enter 32, 0", []byte{0xc8, 32, 0, 0}, nil, 4, func(s *State) bool { return s.R[RBP] == stack-8 && s.R[RSP] == stack-40 }},
		{"enter 0, 2", []byte{0xc8, 0, 0, 2}, func(s *State) { s.R[RBP] = stack }, 4, func(s *State) bool { return s.R[RBP] == stack-8 && s.R[RSP] == stack-24 }},
		{"leave", []byte{0xc9}, func(s *State) { s.R[RBP] = stack + 64 }, 1, func(s *State) bool { return s.R[RBP] == 0 && s.R[RSP] == stack+72 }},
		{"popf", []byte{0x9d}, func(s *State) { s.R[RSP] = 0x3900 }, 1, func(s *State) bool { return s.RFLAGS == fixed|IF|CF|DF }},
		{"popfw", []byte{0x66, 0x9d}, func(s *State) { s.R[RSP] = 0x3900 }, 2, func(s *State) bool { return s.R[RSP] == 0x3902 && s.RFLAGS == fixed|IF|CF|DF }},
		{"bts [rcx], eax before it", []byte{0x0f, 0xab, 0x01, 0x8b, 0x41, 0xfc}, func(s *State) { s.R[RCX], s.R[RAX] = 0x3100, 1<<32-1 }, 6, func(s *State) bool { return s.R[RAX] == 1<<31 }},
		{"bts [rcx], rax behind it", []byte{0x48, 0x0f, 0xab, 0x01, 0x8b, 0x41, 0x08}, func(s *State) { s.R[RCX], s.R[RAX] = 0x3100, 67 }, 7, func(s *State) bool { return s.R[RAX] == 8 }},
		{"fs", []byte{0x64, 0x8b, 0x04, 0x25, 0, 0, 0, 0}, func(s *State) { s.FSBase = 0x3900 }, 8, func(s *State) bool { return s.R[RAX] == 0x0423 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newFlat()
			m.write(0x1000, c.code)
			m.write(0x3000, make([]byte, PageSize))
			m.write(0x3900, []byte{0x23, 0x04}) // for popf: CF, DF, and a reserved bit
			s := Initial()
			s.RIP, s.R[RSP] = 0x1000, stack
			if c.set != nil {
				c.set(&s)
			}
			p := New(m)
			p.SetState(s)
			e := p.Step()
			for e.Kind == None && p.RIP() < 0x1000+c.rip && p.RIP() > 0x1000 {
				e = p.Step()
			}
			after := p.State()
			if e.Kind != None || after.RIP != 0x1000+c.rip || c.want != nil && !c.want(&after) {
				t.Errorf("%v, %+v", e, after)
			}
		})
	}
}

// TestConditions compares the jumps with the conditions that setcc and cmovcc
// share, which the host has confirmed, for all flags.
func TestConditions(t *testing.T) {
	for f := range uint64(1 << 12) {
		if f&^status != 0 {
			continue
		}
		c := New(newFlat())
		c.SetRFLAGS(f | fixed)
		if got := c.RFLAGS(); got != f|fixed {
			t.Fatalf("flags %#x became %#x", f, got)
		}
		for i := range jcc {
			in := insn{next: 1, imm: 2}
			jcc[i](c, &in)
			if taken := c.rip == 2; taken != conditions[i](&c.f) {
				t.Errorf("jcc %d with %#x: taken %v", i, f, taken)
			}
		}
	}
}
