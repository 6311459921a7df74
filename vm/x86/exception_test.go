package x86

import "testing"

// TestExceptions holds the state after an exception against what the processor
// leaves: a fault leaves RIP at the instruction, a trap behind it.
func TestExceptions(t *testing.T) {
	const far = 0x800000000000
	for _, c := range []struct {
		name string
		code []byte
		set  func(s *State)
		want Exception
		rip  uint64 // relative to the code
	}{
		{"int3", []byte{0xcc}, nil, Exception{Kind: Breakpoint}, 1},
		{"int 3", []byte{0xcd, 3}, nil, Exception{Kind: Breakpoint}, 2},
		{"int 4", []byte{0xcd, 4}, nil, Exception{Kind: Overflow}, 2},
		{"int 0x80", []byte{0xcd, 0x80}, nil, Exception{Kind: Interrupt, Addr: 0x80}, 2},
		{"int 0x21", []byte{0xcd, 0x21}, nil, Exception{Kind: GeneralProtection, Code: 0x21<<3 | 2}, 0},
		{"int1", []byte{0xf1}, nil, Exception{Kind: Debug}, 1},
		{"ud2", []byte{0x0f, 0x0b}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"push es", []byte{0x06}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"vzeroupper", []byte{0xc5, 0xf8, 0x77}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"evex", []byte{0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"pshufb", []byte{0x66, 0x0f, 0x38, 0x00, 0xc1}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"popcnt", []byte{0xf3, 0x0f, 0xb8, 0xc1}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"adcx", []byte{0x66, 0x0f, 0x38, 0xf6, 0xc1}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"xgetbv", []byte{0x0f, 0x01, 0xd0}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"clwb", []byte{0x66, 0x0f, 0xae, 0x30}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"lock mov", []byte{0xf0, 0x89, 0x03}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"lock add to a register", []byte{0xf0, 0x01, 0xc8}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"lock nop", []byte{0xf0, 0x90}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"hlt", []byte{0xf4}, nil, Exception{Kind: GeneralProtection}, 0},
		{"in", []byte{0xe4, 0x60}, nil, Exception{Kind: GeneralProtection}, 0},
		{"wrmsr", []byte{0x0f, 0x30}, nil, Exception{Kind: GeneralProtection}, 0},
		{"mov cr3", []byte{0x0f, 0x22, 0xd8}, nil, Exception{Kind: GeneralProtection}, 0},
		{"sixteen bytes", []byte{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90}, nil, Exception{Kind: GeneralProtection}, 0},
		{"div by zero", []byte{0xf7, 0xf1}, nil, Exception{Kind: DivideError}, 0},
		{"div overflow", []byte{0x48, 0xf7, 0xf1}, func(s *State) { s.R[RDX], s.R[RCX] = 5, 5 }, Exception{Kind: DivideError}, 0},
		{"read of nothing", []byte{0x8b, 0x01}, func(s *State) { s.R[RCX] = 0x123 }, Exception{PageFault, FaultUser, 0x123}, 0},
		{"write of nothing", []byte{0x89, 0x01}, func(s *State) { s.R[RCX] = 0x123 }, Exception{PageFault, FaultUser | FaultWrite, 0x123}, 0},
		{"change of nothing", []byte{0x01, 0x01}, func(s *State) { s.R[RCX] = 0x123 }, Exception{PageFault, FaultUser | FaultWrite, 0x123}, 0},
		{"change of what is only readable", []byte{0x01, 0x01}, func(s *State) { s.R[RCX] = 0x4010 }, Exception{PageFault, FaultUser | FaultWrite | FaultPresent, 0x4010}, 0},
		{"read of it", []byte{0x8b, 0x01}, func(s *State) { s.R[RCX] = 0x4010 }, Exception{}, 2},
		{"write across the end", []byte{0x48, 0x89, 0x01}, func(s *State) { s.R[RCX] = 0x3ffe }, Exception{PageFault, FaultUser | FaultWrite | FaultPresent, 0x4000}, 0},
		{"not canonical", []byte{0x8b, 0x01}, func(s *State) { s.R[RCX] = far }, Exception{Kind: GeneralProtection}, 0},
		{"not canonical, rbp", []byte{0x8b, 0x45, 0x00}, func(s *State) { s.R[RBP] = far }, Exception{Kind: StackFault}, 0},
		{"not canonical push", []byte{0x50}, func(s *State) { s.R[RSP] = far + 8 }, Exception{Kind: StackFault}, 0},
		{"jump to nothing", []byte{0xff, 0xe1}, func(s *State) { s.R[RCX] = 0x123000 }, Exception{}, 0x122000},
		{"jump out of range", []byte{0xff, 0xe1}, func(s *State) { s.R[RCX] = far }, Exception{Kind: GeneralProtection}, 0},
		{"across the end of the lower half", []byte{0x48, 0x8b, 0x01}, func(s *State) { s.R[RCX] = far - 1 }, Exception{Kind: GeneralProtection}, 0},
		{"movaps", []byte{0x0f, 0x28, 0x01}, func(s *State) { s.R[RCX] = 0x3001 }, Exception{Kind: GeneralProtection}, 0},
		{"divss", []byte{0xf3, 0x0f, 0x5e, 0xc1}, func(s *State) { s.MXCSR &^= 1 << 7 }, Exception{Kind: SIMDError}, 0},
		{"fwait", []byte{0x9b}, func(s *State) { s.X87.SW, s.X87.CW = 1|fpES|fpBusy, 0x37e }, Exception{Kind: FloatError}, 0},
		{"fstp of nothing", []byte{0xdd, 0x19}, func(s *State) { s.R[RCX] = 0x123; s.X87.Used = 0xff }, Exception{PageFault, FaultUser | FaultWrite, 0x123}, 0},
		{"fld of nothing", []byte{0xdd, 0x01}, func(s *State) { s.R[RCX] = 0x123 }, Exception{PageFault, FaultUser, 0x123}, 0},
		{"mov of the null selector to ds", []byte{0x8e, 0xd9}, nil, Exception{}, 2},
		{"mov of a user selector to fs", []byte{0x8e, 0xe1}, func(s *State) { s.R[RCX] = 0x2b }, Exception{}, 2},
		{"mov of a kernel selector to es", []byte{0x8e, 0xc1}, func(s *State) { s.R[RCX] = 0x18 }, Exception{Kind: GeneralProtection, Code: 0x18}, 0},
		{"mov of the null selector to ss", []byte{0x8e, 0xd1}, nil, Exception{Kind: GeneralProtection}, 0},
		{"mov to cs", []byte{0x8e, 0xc9}, nil, Exception{Kind: InvalidOpcode}, 0},
		{"pop gs", []byte{0x0f, 0xa9}, func(s *State) { s.R[RSP] = 0x3100 }, Exception{}, 2},
		{"lretq to nowhere", []byte{0x48, 0xcb}, func(s *State) { s.R[RSP] = 0x3100 }, Exception{Kind: GeneralProtection}, 0},
		{"iretq to nowhere", []byte{0x48, 0xcf}, func(s *State) { s.R[RSP] = 0x3100 }, Exception{Kind: GeneralProtection}, 0},
		{"AC, misaligned", []byte{0x48, 0x8b, 0x01}, func(s *State) { s.R[RCX] = 0x3001; s.RFLAGS |= AC }, Exception{Kind: AlignmentCheck}, 0},
		{"AC, aligned", []byte{0x48, 0x8b, 0x01}, func(s *State) { s.R[RCX] = 0x3008; s.RFLAGS |= AC }, Exception{}, 3},
		{"misaligned without AC", []byte{0x48, 0x8b, 0x01}, func(s *State) { s.R[RCX] = 0x3001 }, Exception{}, 3},
		{"endbr64", []byte{0xf3, 0x0f, 0x1e, 0xfa}, nil, Exception{}, 4},
		{"rdsspq", []byte{0xf3, 0x48, 0x0f, 0x1e, 0xc8}, nil, Exception{}, 5},
		{"nopw", []byte{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}, nil, Exception{}, 10},
		{"66 jmp", []byte{0x66, 0xe9, 0, 1, 0, 0}, nil, Exception{}, 0x106},
		{"66 ret", []byte{0x66, 0xc3}, func(s *State) { s.R[RSP] = 0x3000 }, Exception{}, 1<<64 - 0x1000},
		{"rex before 66 is lost", []byte{0x48, 0x66, 0x90}, nil, Exception{}, 3},
		{"single step", []byte{0x90}, func(s *State) { s.RFLAGS |= TF }, Exception{Kind: Debug}, 1},
		{"single step of rep", []byte{0xf3, 0xaa}, func(s *State) { s.RFLAGS |= TF; s.R[RCX], s.R[RDI] = 2, 0x3000 }, Exception{Kind: Debug}, 0},
		{"syscall", []byte{0x0f, 0x05}, nil, Exception{Kind: Syscall}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newFlat()
			m.write(0x1000, c.code)
			m.write(0x3000, make([]byte, 2*PageSize))
			m.prot[0x4000] = func(a Access) bool { return a == Read }
			s := Initial()
			s.RIP = 0x1000
			if c.set != nil {
				c.set(&s)
			}
			p := New(m)
			p.SetState(s)
			e := p.Step()
			if want := 0x1000 + c.rip; e != c.want || p.RIP() != want {
				t.Errorf("%v, RIP %#x; want %v, %#x", e, p.RIP(), c.want, want)
			}
			after := p.State()
			if after.RIP = s.RIP; e.Kind != None && !e.Kind.isTrap() && e.Kind != SIMDError && after != s {
				t.Errorf("the fault has changed the state: %+v, before %+v", after, s)
			}
		})
	}
}

func TestFaultInTheMiddleOfARun(t *testing.T) {
	m := newFlat()
	m.write(0x1000, []byte{0xff, 0xc0, 0xff, 0xc0, 0x8b, 0x09, 0xff, 0xc0}) // inc eax twice; mov ecx, [rcx]; inc eax
	c := New(m)
	c.SetRIP(0x1000)
	n, e := c.Run(100)
	if n != 2 || e.Kind != PageFault || c.RIP() != 0x1004 || c.Reg(RAX) != 2 {
		t.Errorf("%d instructions, %v at %#x", n, e, c.RIP())
	}
}

// TestTimeStampsGoUp reads the counter before and after a fetch that faults.
func TestTimeStampsGoUp(t *testing.T) {
	m := newFlat()
	m.write(0x1ff0, []byte{0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x0f, 0x31, 0x89, 0xc3, 0x90, 0x90}) // rdtsc; mov ebx, eax
	c := New(m)
	c.SetRIP(0x1ff0)
	if n, e := c.Run(100); n != 14 || e.Kind != PageFault {
		t.Fatalf("%d instructions, %v", n, e)
	}
	m.write(0x2000, []byte{0x0f, 0x31, 0x0f, 0x05}) // rdtsc; syscall
	if _, e := c.Run(100); e.Kind != Syscall || c.Reg(RBX) != 10 || c.Reg(RAX) != 14 {
		t.Errorf("%v: at first %d, then %d", e, c.Reg(RBX), c.Reg(RAX))
	}
}

func TestFetchFaults(t *testing.T) {
	m := newFlat()
	m.write(0x1ffd, []byte{0x90, 0xb8, 0x01}) // nop; the beginning of mov eax, imm32
	c := New(m)
	c.SetRIP(0x1ffd)
	n, e := c.Run(100)
	if want := (Exception{PageFault, FaultUser | FaultFetch, 0x2000}); n != 1 || e != want || c.RIP() != 0x1ffe {
		t.Errorf("%d instructions, %v at %#x; want %v", n, e, c.RIP(), want)
	}
	m.write(0x2000, []byte{0x02, 0x03, 0x04, 0x0f, 0x05})
	if _, e = c.Run(100); e.Kind != Syscall || c.Reg(RAX) != 0x04030201 {
		t.Errorf("%v, eax %#x", e, c.Reg(RAX))
	}
	m.write(0x2001, []byte{0x33})
	c.SetRIP(0x1ffd)
	if _, e = c.Run(100); c.Reg(RAX) != 0x04330201 {
		t.Errorf("%v, eax %#x after a change of the second page", e, c.Reg(RAX))
	}
}
