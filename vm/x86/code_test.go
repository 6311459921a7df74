package x86

import (
	"bytes"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// counting is inc eax; jmp back.
var counting = []byte{0xff, 0xc0, 0xeb, 0xfc}

func TestPatchIsSeenAtTheNextFetch(t *testing.T) {
	m := newFlat()
	m.write(0x1000, counting)
	c := New(m)
	c.SetRIP(0x1000)
	c.Run(100)
	m.write(0x1000, []byte{0xcc})
	if n, e := c.Run(100); n != 1 || e.Kind != Breakpoint || c.Reg(RAX) != 50 {
		t.Errorf("%d instructions, %v, eax %d", n, e, c.Reg(RAX))
	}
	m.write(0x1000, counting[:1])
	c.SetRIP(0x1000)
	if n, e := c.Run(100); n != 100 || e.Kind != None || c.Reg(RAX) != 100 {
		t.Errorf("taken back: %d instructions, %v, eax %d", n, e, c.Reg(RAX))
	}
}

func TestPatchIsSeenAfterSerialising(t *testing.T) {
	m := newFlat()
	m.write(0x1000, counting)
	m.write(0x1100, []byte{0x0f, 0xa2, 0xe9, 0xf9, 0xfe, 0xff, 0xff}) // cpuid; jmp 0x1000
	c := New(m)
	c.DeferCode(true)
	c.SetRIP(0x1000)
	c.Run(10)
	m.write(0x1000, []byte{0xcc})
	if _, e := c.Run(10); e.Kind != None {
		t.Errorf("%v before the processor has serialised", e)
	}
	c.SetRIP(0x1100)
	if _, e := c.Run(10); e.Kind != Breakpoint {
		t.Errorf("%v after cpuid", e)
	}
	m.write(0x1000, counting[:1])
	c.Serialize()
	c.SetRIP(0x1000)
	if _, e := c.Run(10); e.Kind != None {
		t.Errorf("%v after Serialize", e)
	}
}

func TestOwnStoresToCodeAreSeenAtOnce(t *testing.T) {
	for _, deferred := range []bool{false, true} {
		m := newFlat()
		// mov byte [rip+1], 0xcc; nop; nop
		m.write(0x1000, []byte{0xc6, 0x05, 0x01, 0, 0, 0, 0xcc, 0x90, 0x90})
		c := New(m)
		c.DeferCode(deferred)
		c.SetRIP(0x1000)
		if n, e := c.Run(3); n != 3 || e.Kind != Breakpoint || c.RIP() != 0x1009 {
			t.Errorf("deferred %v: %d instructions, %v at %#x", deferred, n, e, c.RIP())
		}
	}
}

// TestDecodedCodeIsForgotten has a program begin a block at each byte of many pages.
func TestDecodedCodeIsForgotten(t *testing.T) {
	m := newFlat()
	const pages = 8
	for i := range uint64(pages) {
		m.write(0x10000+i*PageSize, bytes.Repeat([]byte{0x90}, PageSize))
	}
	c := New(m)
	forgotten := 0
	for addr := uint64(0x10000); addr < 0x10000+(pages-1)*PageSize; addr++ {
		before := c.code.size
		c.SetRIP(addr)
		if n, e := c.Run(blockSize + 1); n != blockSize+1 || e.Kind != None || c.RIP() != addr+n {
			t.Fatalf("%d instructions from %#x, %v at %#x", n, addr, e, c.RIP())
		}
		if c.code.size > codeLimit {
			t.Fatalf("%d instructions are kept", c.code.size)
		}
		if c.code.size < before {
			forgotten++
		}
	}
	if forgotten == 0 {
		t.Error("all is kept")
	}
}

func TestTranslationsAreKeptUntilFlushed(t *testing.T) {
	m := newFlat()
	m.write(0x1000, counting)
	m.write(0x2000, counting)
	c := New(m)
	c.SetRIP(0x1000)
	c.Run(2)
	m.write(0x3000, []byte{0xcc})
	m.pages[0x1000] = m.pages[0x3000]
	if _, e := c.Run(2); e.Kind != None {
		t.Errorf("%v without a flush", e)
	}
	c.FlushPage(0x1234)
	if _, e := c.Run(2); e.Kind != Breakpoint {
		t.Errorf("%v after one", e)
	}
}

// accesses notes what a processor asks for; nothing is kept.
type accesses struct {
	flat
	got []Access
}

func (m *accesses) Translate(addr uint64, size int, access Access) (*Frame, bool, bool) {
	if access != Fetch {
		m.got = append(m.got, access)
	}
	f, _, present := m.flat.Translate(addr, size, access)
	return f, false, present
}

func TestAccesses(t *testing.T) {
	for _, c := range []struct {
		name string
		code []byte
		want []Access
	}{
		{"mov eax, [rcx]", []byte{0x8b, 0x01}, []Access{Read}},
		{"mov [rcx], eax", []byte{0x89, 0x01}, []Access{Write}},
		{"add [rcx], eax", []byte{0x01, 0x01}, []Access{Modify, Write}},
		{"lock add [rcx], eax", []byte{0xf0, 0x01, 0x01}, []Access{Atomic}},
		{"xchg [rcx], eax", []byte{0x87, 0x01}, []Access{Atomic}},
		{"lock cmpxchg16b [rcx]", []byte{0xf0, 0x48, 0x0f, 0xc7, 0x09}, []Access{Atomic}},
		{"movsb", []byte{0xa4}, []Access{Read, Write}},
	} {
		m := &accesses{flat: *newFlat()}
		m.write(0x1000, c.code)
		m.write(0x2000, []byte{0})
		p := New(m)
		p.SetRIP(0x1000)
		for _, r := range []int{RCX, RSI, RDI} {
			p.SetReg(r, 0x2000)
		}
		if e := p.Step(); e.Kind != None || !bytes.Equal(bytesOf(m.got), bytesOf(c.want)) {
			t.Errorf("%s: %v, accesses %v, want %v", c.name, e, m.got, c.want)
		}
	}
}

func bytesOf(as []Access) (b []byte) {
	for _, a := range as {
		b = append(b, byte(a))
	}
	return b
}

func TestRepeatedInstructionsCountTheirIterations(t *testing.T) {
	m := newFlat()
	m.write(0x1000, []byte{0x90, 0xf3, 0xaa, 0x0f, 0x05}) // nop; rep stosb; syscall
	m.write(0x2000, []byte{0})
	c := New(m)
	c.SetRIP(0x1000)
	c.SetReg(RDI, 0x2000)
	c.SetReg(RCX, 10)
	if n, _ := c.Run(5); n != 5 || c.Reg(RCX) != 6 || c.RIP() != 0x1001 {
		t.Errorf("after %d: rcx %d at %#x", n, c.Reg(RCX), c.RIP())
	}
	if n, e := c.Run(100); n != 7 || e.Kind != Syscall {
		t.Errorf("then %d, %v", n, e)
	}
}

func TestRdtscCountsInstructions(t *testing.T) {
	for _, chunk := range []uint64{1, 3, 100} {
		m := newFlat()
		m.write(0x1000, []byte{0x90, 0x90, 0x0f, 0x31, 0x90, 0x0f, 0x31, 0x0f, 0x05}) // two nops; rdtsc; nop; rdtsc; syscall
		c := New(m)
		c.SetRIP(0x1000)
		for e := (Exception{}); e.Kind == None; {
			_, e = c.Run(chunk)
		}
		if c.Reg(RAX) != 4 {
			t.Errorf("in chunks of %d: %d", chunk, c.Reg(RAX))
		}
	}
}

func TestStraddlingInstructionIsDecodedOnce(t *testing.T) {
	m := newFlat()
	m.write(0x1ffd, []byte{0x05, 1, 0, 0, 0, 0xeb, 0xf9}) // add eax, 1; jmp back
	c := New(m)
	c.SetRIP(0x1ffd)
	for range 10 {
		c.Run(10)
		c.Flush()
	}
	if n := len(c.code.pages[0x1000].blocks); n != 1 || c.Reg(RAX) != 50 {
		t.Errorf("%d blocks, eax %d", n, c.Reg(RAX))
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	c := New(benchMemory())
	c.SetState(benchState())
	c.Run(1 << 20)
	if n := testing.AllocsPerRun(10, func() { c.Run(10_000) }); n != 0 {
		t.Errorf("%v allocations in 10,000 instructions", n)
	}
}

// executed are the instructions that static musl, glibc, busybox, Lua and Go
// programs were seen to execute with the CPUID of SSE2, and that x86asm names.
var executed = []x86asm.Op{
	x86asm.ADC, x86asm.ADD, x86asm.ADDSD, x86asm.ADDSS, x86asm.AND, x86asm.ANDNPD, x86asm.ANDPD, x86asm.ANDPS, x86asm.BSF, x86asm.BSR, x86asm.BSWAP, x86asm.BT, x86asm.BTR, x86asm.BTS,
	x86asm.CALL, x86asm.CDQ, x86asm.CDQE, x86asm.CLD, x86asm.CMOVA, x86asm.CMOVAE, x86asm.CMOVB, x86asm.CMOVBE, x86asm.CMOVE, x86asm.CMOVG, x86asm.CMOVGE, x86asm.CMOVL, x86asm.CMOVLE, x86asm.CMOVNE, x86asm.CMOVNS, x86asm.CMOVS,
	x86asm.CMP, x86asm.CMPSD_XMM, x86asm.CMPXCHG, x86asm.COMISD, x86asm.CQO, x86asm.CVTSD2SS, x86asm.CVTSI2SD, x86asm.CVTSS2SD, x86asm.CVTTSD2SI, x86asm.DEC, x86asm.DIV, x86asm.DIVSD,
	x86asm.FABS, x86asm.FADD, x86asm.FADDP, x86asm.FDIVP, x86asm.FILD, x86asm.FISTP, x86asm.FLD, x86asm.FLD1, x86asm.FLDCW, x86asm.FLDENV, x86asm.FLDZ, x86asm.FMUL, x86asm.FMULP, x86asm.FNSTCW, x86asm.FNSTENV, x86asm.FNSTSW, x86asm.FPREM, x86asm.FSTP, x86asm.FSUBP, x86asm.FSUBRP, x86asm.FUCOMI, x86asm.FUCOMIP, x86asm.FXCH,
	x86asm.IDIV, x86asm.IMUL, x86asm.INC, x86asm.JA, x86asm.JAE, x86asm.JB, x86asm.JBE, x86asm.JE, x86asm.JG, x86asm.JGE, x86asm.JL, x86asm.JLE, x86asm.JMP, x86asm.JNE, x86asm.JNP, x86asm.JNS, x86asm.JO, x86asm.JP, x86asm.JS,
	x86asm.LDMXCSR, x86asm.LEA, x86asm.MOV, x86asm.MOVAPD, x86asm.MOVAPS, x86asm.MOVD, x86asm.MOVDQA, x86asm.MOVDQU, x86asm.MOVHPD, x86asm.MOVHPS, x86asm.MOVLPD, x86asm.MOVMSKPD, x86asm.MOVQ, x86asm.MOVSB, x86asm.MOVSD, x86asm.MOVSQ, x86asm.MOVSD_XMM, x86asm.MOVSS, x86asm.MOVSX, x86asm.MOVSXD, x86asm.MOVUPS, x86asm.MOVZX, x86asm.MUL, x86asm.MULSD,
	x86asm.NEG, x86asm.NOP, x86asm.NOT, x86asm.OR, x86asm.ORPD, x86asm.PADDB, x86asm.PADDD, x86asm.PADDQ, x86asm.PAND, x86asm.PANDN, x86asm.PCMPEQB, x86asm.PCMPEQD, x86asm.PCMPGTB, x86asm.PMAXUB, x86asm.PMINUB, x86asm.PMOVMSKB, x86asm.POP, x86asm.POR, x86asm.PSHUFD, x86asm.PSHUFLW, x86asm.PSLLD, x86asm.PSLLDQ, x86asm.PSRLD, x86asm.PSRLDQ, x86asm.PSRLQ, x86asm.PSUBB, x86asm.PUNPCKLBW, x86asm.PUNPCKLDQ, x86asm.PUNPCKLQDQ, x86asm.PUNPCKLWD, x86asm.PUSH, x86asm.PXOR,
	x86asm.RCL, x86asm.RET, x86asm.ROL, x86asm.ROR, x86asm.SAR, x86asm.SBB, x86asm.SETA, x86asm.SETAE, x86asm.SETB, x86asm.SETBE, x86asm.SETE, x86asm.SETG, x86asm.SETGE, x86asm.SETL, x86asm.SETLE, x86asm.SETNE, x86asm.SETNP, x86asm.SETO, x86asm.SETP, x86asm.SHL, x86asm.SHLD, x86asm.SHR, x86asm.SHRD, x86asm.SQRTSD, x86asm.STD, x86asm.STMXCSR, x86asm.STOSB, x86asm.STOSD, x86asm.STOSQ, x86asm.SUB, x86asm.SUBSD, x86asm.TEST, x86asm.UCOMISD, x86asm.UCOMISS, x86asm.XADD, x86asm.XCHG, x86asm.XOR, x86asm.XORPD, x86asm.XORPS,
}

func TestWhatProgramsExecuteIsThere(t *testing.T) {
	for _, op := range executed {
		if builders[op] == nil {
			t.Errorf("%v is #UD", op)
		}
	}
}

// FuzzDecode wants an end, a length that processors allow, and an operation.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x90})
	f.Add([]byte{0x66, 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x04, 0x25, 1, 2, 3, 4})
	f.Add([]byte{0xf3, 0x0f, 0x1e, 0xfa})
	f.Add(bytes.Repeat([]byte{0x67}, 20))
	f.Add([]byte{0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x4a, 0x4a, 0xb9}) // with its constant, 17 bytes
	f.Fuzz(func(t *testing.T, text []byte) {
		in, n := decode(0x1000, text)
		if n < 1 || n > maxLen || in.run == nil {
			t.Fatalf("% x: %d bytes, operation %t", text, n, in.run != nil)
		}
		if again, m := decode(0x1000, append(bytes.Clone(text), make([]byte, maxLen)...)); m != n && n <= len(text) || again.next != in.next {
			t.Fatalf("% x: %d bytes, with more behind it %d", text, n, m)
		}
		m := newFlat()
		m.write(0x1000, append(bytes.Clone(text), 0x90))
		m.write(0x2000, make([]byte, 64))
		c := New(m)
		c.SetRIP(0x1000)
		for r := range 16 {
			c.SetReg(r, 0x2010)
		}
		c.Step()
	})
}
