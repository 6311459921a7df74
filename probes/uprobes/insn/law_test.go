package insn

import (
	"flag"
	"fmt"
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/vm/x86"
)

var long = flag.Bool("long", false, "compare all first bytes with the processor's own execution, not a fifth of them")

// A bench is a processor with a page of code, some pages of data and a slot.
type bench struct {
	machine
	at uint64 // of the instruction
}

const (
	benchCode = 0x401000
	benchData = 0x100000
	dataPages = 4
)

func newBench(text []byte) *bench {
	b := &bench{at: benchCode + 0x7f0}
	b.pages = map[uint64]*page{}
	b.mapPage(benchCode, true, true)
	b.mapPage(slotPage, false, true)
	for i := range uint64(dataPages) {
		p := b.mapPage(benchData+i*4096, true, false)
		for j := range p.frame.Data() {
			p.frame.Data()[j] = byte(j*7 + j>>3 + int(i))
		}
	}
	b.poke(b.at, text)
	b.cpu = x86.New(b)
	s := x86.Initial()
	for i := range s.R {
		s.R[i] = benchData + 0x1800 + uint64(i)*0x80
	}
	s.R[x86.RCX] = benchData + 3
	for i := range s.XMM {
		s.XMM[i] = [2]uint64{uint64(i) * 0x0123456789, ^uint64(i)}
	}
	s.RIP = b.at
	b.cpu.SetState(s)
	return b
}

// An outcome is all that a program can tell of one instruction.
type outcome struct {
	state x86.State
	kind  x86.Kind
	code  uint32
	addr  uint64
	data  [dataPages][4096]byte
	text  [4096]byte
}

func (b *bench) outcome(e x86.Exception) outcome {
	o := outcome{state: b.cpu.State(), kind: e.Kind, code: e.Code, addr: e.Addr}
	for i := range o.data {
		o.data[i] = *b.page(benchData + uint64(i)*4096).frame.Data()
	}
	o.text = *b.page(benchCode).frame.Data()
	return o
}

// undisturbed executes the instruction where it is.
func undisturbed(text []byte) outcome {
	b := newBench(text)
	return b.outcome(b.cpu.Step())
}

// probed has a kernel do it, with a probe on it.
func probed(text []byte, in *Insn) outcome {
	b := newBench(text)
	s := b.cpu.State()
	if in.Emulate(&s, b) {
		b.cpu.SetState(s)
		return b.outcome(x86.Exception{})
	}
	slot := uint64(slotPage + SlotSize)
	copy(b.page(slot).frame.Data()[SlotSize:], in.Slot[:])
	st := in.PreXOL(&s, b.at, slot)
	b.cpu.SetState(s)
	e := b.cpu.Step()
	s = b.cpu.State()
	switch e.Kind {
	case x86.Debug, x86.Syscall, x86.Interrupt:
		st.Post(&s, b)
		if e.Kind == x86.Debug {
			e = x86.Exception{}
		}
	default:
		st.Abort(&s)
	}
	b.cpu.SetState(s)
	return b.outcome(e)
}

// difference says what differs, without the text of 64 KB.
func difference(a, b *outcome) string {
	switch {
	case a.kind != b.kind || a.code != b.code || a.addr != b.addr:
		return fmt.Sprintf("%v(%#x) at %#x and %v(%#x) at %#x", a.kind, a.code, a.addr, b.kind, b.code, b.addr)
	case a.state != b.state:
		return fmt.Sprintf("%+v\nand\n%+v", a.state, b.state)
	case a.data != b.data:
		return "the data"
	case a.text != b.text:
		return "the text"
	}
	return ""
}

// elsewhere reports whether the outcome depends on more than the kernel: the
// executor's time stamp counter counts instructions, and it has no APX, whose
// jumps the kernel emulates all the same.
func elsewhere(text []byte) bool {
	i := 0
	for i < len(text)-2 && (legacyPrefix(text[i]) || text[i]&0xf0 == 0x40) {
		i++
	}
	return text[i] == 0x0f && text[i+1] == 0x31 || text[i] == 0xd5
}

// holds checks that a kernel without defects does an instruction as if there
// were no probe, and reports whether there was anything to check.
func holds(t testing.TB, text []byte) bool {
	in, err := Analyse(text, benchCode+0x7f0, defects.Fixed)
	if err != nil || elsewhere(text) {
		return false
	}
	want, got := undisturbed(text), probed(text, in)
	if diff := difference(&want, &got); diff != "" {
		t.Errorf("%x (%v, fix-ups %b, length %d): %s", text, in.Class, in.Fixups, in.Length, diff)
	}
	return true
}

func TestFixedKernelDoesEveryInstruction(t *testing.T) {
	done, all := 0, patterns(t)
	every := 5
	if *long {
		every = 1
	}
	for i := 0; i < len(all); i += every {
		if holds(t, all[i].text) {
			done++
		}
	}
	if done < 8000/every {
		t.Errorf("only %d instructions compared", done)
	}
}

func TestLawCanFail(t *testing.T) {
	for _, text := range []string{"\x49\x90", "\x0f\x05", "\x9c", "\xd9\xeb"} {
		p := make([]byte, TextSize)
		copy(p, text)
		in, err := Analyse(p, benchCode+0x7f0, defects.Linux618)
		if err != nil {
			t.Fatal(err)
		}
		want, got := undisturbed(p), probed(p, in)
		if difference(&want, &got) == "" {
			t.Errorf("%x is done right on 6.18", text)
		}
	}
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte("\x48\x8b\x05\x10\x00\x00\x00"))
	f.Add([]byte("\xe8\x00\x01\x00\x00"))
	f.Add([]byte("\xff\x14\x24"))
	f.Add([]byte("\x48\x66\x8b\x05\x10"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text := make([]byte, TextSize)
		copy(text, data)
		if in, err := Analyse(text, benchCode, defects.Linux618); err == nil && (in.Length == 0 || in.Length > maxLen) {
			t.Fatalf("%x has %d bytes", text, in.Length)
		}
		holds(t, text)
	})
}
