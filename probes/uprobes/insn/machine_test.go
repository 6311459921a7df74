package insn

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/events"
	"trapline/vm/x86"
)

// A machine is as much of Linux as the programs of the captures need: memory,
// output, signals on another stack, and one probe.
type machine struct {
	t     *testing.T
	d     defects.Set
	cpu   *x86.CPU
	pages map[uint64]*page
	in    string
	out   bytes.Buffer
	exit  int // exit status, or minus the signal; meaningless while running
	done  bool

	handlers map[uint64]uint64
	altstack uint64
	saved    []x86.State // of interrupted code
	trapno   uint64      // of the last exception, thread.trap_nr

	addr      uint64 // of the probe, 0 without
	insn      *Insn  // nil if it was refused
	optimised bool
	hit       func(s x86.State)
	hits      int
	step      *Step
}

type page struct {
	frame       *x86.Frame
	write, exec bool
}

// The addresses that the kernel of the captures used.
const (
	slotPage   = 0x7ffff7ff6000
	trampoline = 0x3ff000
	stackTop   = 0x7ffffffff000
)

func (m *machine) page(addr uint64) *page { return m.pages[addr&^4095] }

func (m *machine) Translate(addr uint64, _ int, access x86.Access) (*x86.Frame, bool, bool) {
	p := m.page(addr)
	switch {
	case p == nil:
		return nil, false, false
	case access == x86.Fetch && !p.exec, access != x86.Fetch && access != x86.Read && !p.write:
		return nil, false, true
	}
	return p.frame, true, true
}

func (m *machine) mapPage(addr uint64, write, exec bool) *page {
	p := &page{x86.NewFrame(new([4096]byte)), write, exec}
	m.pages[addr&^4095] = p
	return p
}

// transfer copies between a page's bytes and p, as far as ok allows.
func (m *machine) transfer(addr uint64, p []byte, ok func(*page) bool, do func(page, p []byte)) int {
	done := 0
	for done < len(p) {
		pg := m.page(addr)
		if pg == nil || !ok(pg) {
			break
		}
		off := int(addr & 4095)
		n := min(len(p)-done, 4096-off)
		do(pg.frame.Data()[off:off+n], p[done:done+n])
		pg.frame.Changed(off, n)
		done += n
		addr += uint64(n)
	}
	return done
}

func (m *machine) Read(addr uint64, p []byte) int {
	return m.transfer(addr, p, func(*page) bool { return true }, func(page, p []byte) { copy(p, page) })
}

func (m *machine) Write(addr uint64, p []byte) int {
	return m.transfer(addr, p, func(p *page) bool { return p.write }, func(page, p []byte) { copy(page, p) })
}

// poke writes text as the kernel does.
func (m *machine) poke(addr uint64, p []byte) {
	m.transfer(addr, p, func(*page) bool { return true }, func(page, p []byte) { copy(page, p) })
}

var programs = map[string][]byte{}

func program(t *testing.T, name string) []byte {
	t.Helper()
	if p := programs[name]; p != nil {
		return p
	}
	f, err := os.Open("testdata/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	programs[name] = data
	return data
}

// start loads a program of the captures.
func start(t *testing.T, name string, d defects.Set, args ...string) *machine {
	t.Helper()
	m := &machine{t: t, d: d, pages: map[uint64]*page{}, handlers: map[uint64]uint64{}}
	data := program(t, name)
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		for a := p.Vaddr &^ 4095; a < p.Vaddr+p.Memsz; a += 4096 {
			m.mapPage(a, p.Flags&elf.PF_W != 0, p.Flags&elf.PF_X != 0)
		}
		m.poke(p.Vaddr, data[p.Off:p.Off+p.Filesz])
	}
	for a := uint64(stackTop - 16*4096); a < stackTop; a += 4096 {
		m.mapPage(a, true, false)
	}
	sp := uint64(stackTop - 4096)
	words := []uint64{uint64(len(args) + 1)}
	text := sp
	for _, a := range append([]string{name}, args...) {
		m.poke(text, append([]byte(a), 0))
		words = append(words, text)
		text += uint64(len(a) + 1)
	}
	sp -= 256
	for i, w := range append(words, 0, 0) {
		m.poke(sp+uint64(8*i), binary.LittleEndian.AppendUint64(nil, w))
	}
	s := x86.Initial()
	s.RIP, s.R[x86.RSP] = f.Entry, sp
	m.cpu = x86.New(m)
	m.cpu.SetState(s)
	return m
}

// probe puts a probe on addr, as a process that maps the file has it done.
func (m *machine) probe(addr uint64, text []byte) error {
	in, err := Analyse(text, addr, m.d)
	if err != nil {
		return err
	}
	m.addr, m.insn = addr, in
	m.poke(addr, []byte{0xcc})
	return nil
}

// run goes on until the program ends, or the given number of instructions.
func (m *machine) run(budget uint64) {
	for !m.done {
		n, e := m.cpu.Run(min(budget, 1<<20))
		if budget -= min(n, budget); budget == 0 {
			m.t.Fatal("the program does not end")
		}
		s := m.cpu.State()
		switch e.Kind {
		case x86.None:
		case x86.Syscall:
			m.syscall(&s)
			m.cpu.SetState(s)
		case x86.Breakpoint:
			if s.RIP-1 == m.addr && m.insn != nil {
				m.breakpoint(&s)
			} else {
				m.trapno = 3
				m.signal(&s, 5, 0x80, 0, e)
			}
			m.cpu.SetState(s)
		case x86.Debug:
			m.debug(&s, e)
			m.cpu.SetState(s)
		default:
			m.fault(&s, e)
			m.cpu.SetState(s)
		}
	}
}

// breakpoint is handle_swbp().
func (m *machine) breakpoint(s *x86.State) {
	s.RIP--
	m.hits++
	m.hit(*s)
	if m.insn.CanOptimise {
		m.optimise()
	}
	if m.insn.Emulate(s, m) {
		if s.RFLAGS&x86.TF != 0 {
			m.userTrap(s)
		}
		return
	}
	p := m.page(slotPage)
	if p == nil {
		p = m.mapPage(slotPage, false, true)
	}
	copy(p.frame.Data()[SlotSize:], m.insn.Slot[:])
	p.frame.Changed(SlotSize, TextSize)
	m.trapno = 0
	m.step = m.insn.PreXOL(s, m.addr, slotPage+SlotSize)
}

func (m *machine) optimise() {
	p := m.mapPage(trampoline, false, true)
	copy(p.frame.Data()[:], Trampoline)
	text, ok := CallTo(m.addr, trampoline)
	if !ok {
		m.t.Fatal("the trampoline is too far")
	}
	m.poke(m.addr, text[:])
	m.optimised = true
}

// userTrap is send_sig(SIGTRAP): SI_USER, which leaves the pid where the
// address of a fault is. The captures have other pids.
func (m *machine) userTrap(s *x86.State) {
	if m.d.Has(defects.UserTrapInfo) {
		m.signal(s, 5, 0, 0x1234, x86.Exception{})
		return
	}
	m.trapno = 1
	m.signal(s, 5, 2, s.RIP, x86.Exception{})
}

func (m *machine) debug(s *x86.State, e x86.Exception) {
	if st := m.step; st != nil {
		m.step = nil
		if st.Post(s, m) {
			m.userTrap(s)
		}
		return
	}
	m.trapno = 1
	code := 2
	if s.RFLAGS&x86.TF == 0 {
		code = 1 // int1: TRAP_BRKPT
	}
	m.signal(s, 5, code, s.RIP, e)
}

// fault turns an exception into a signal.
func (m *machine) fault(s *x86.State, e x86.Exception) {
	s.RFLAGS |= x86.RF
	m.trapno = uint64(e.Kind.Vector())
	if st := m.step; st != nil {
		m.step = nil
		st.Abort(s)
		if m.d.Has(defects.SignalTrapno) {
			m.trapno = 0
		}
	}
	switch e.Kind {
	case x86.DivideError:
		m.signal(s, 8, 1, s.RIP, e)
	case x86.InvalidOpcode:
		m.signal(s, 4, 2, s.RIP, e)
	case x86.PageFault:
		code := 1
		if m.page(e.Addr) != nil {
			code = 2
		}
		m.signal(s, 11, code, e.Addr, e)
	case x86.StackFault:
		m.signal(s, 7, 0x80, 0, e)
	default:
		m.signal(s, 11, 0x80, 0, e)
	}
}

// signal calls the handler with a frame as the kernel makes it, as far as the
// programs look at it.
func (m *machine) signal(s *x86.State, number, code int, addr uint64, e x86.Exception) {
	handler := m.handlers[uint64(number)]
	if handler == 0 {
		m.done, m.exit = true, -number
		return
	}
	m.saved = append(m.saved, *s)
	var frame [8 + 40 + 32*8 + 8 + 128]byte
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(frame[off:], v) }
	regs := [...]uint64{
		s.R[8], s.R[9], s.R[10], s.R[11], s.R[12], s.R[13], s.R[14], s.R[15], s.R[x86.RDI], s.R[x86.RSI], s.R[x86.RBP], s.R[x86.RBX],
		s.R[x86.RDX], s.R[x86.RAX], s.R[x86.RCX], s.R[x86.RSP], s.RIP, s.RFLAGS, 0x2b000000000033, uint64(e.Code), m.trapno, 0, e.Addr,
	}
	for i, v := range regs {
		put(48+8*i, v)
	}
	info := 48 + 32*8 + 8
	put(info, uint64(number))
	put(info+8, uint64(code))
	put(info+16, addr)
	sp := (m.altstack-uint64(len(frame)))&^15 - 8
	m.Write(sp, frame[:])
	s.R[x86.RDI], s.R[x86.RSI], s.R[x86.RDX] = uint64(number), sp+uint64(info), sp+8
	s.R[x86.RSP], s.RIP = sp, handler
	s.RFLAGS &^= x86.TF | x86.DF | x86.RF
	m.poke(sp, binary.LittleEndian.AppendUint64(nil, m.handlers[0]))
}

// sigreturn takes the registers back from the frame below the stack pointer.
func (m *machine) sigreturn(s *x86.State) {
	old := m.saved[len(m.saved)-1]
	m.saved = m.saved[:len(m.saved)-1]
	var b [18 * 8]byte
	m.Read(s.R[x86.RSP]+40, b[:])
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	for i, r := range [...]int{8, 9, 10, 11, 12, 13, 14, 15, x86.RDI, x86.RSI, x86.RBP, x86.RBX, x86.RDX, x86.RAX, x86.RCX, x86.RSP} {
		old.R[r] = word(i)
	}
	old.RIP, old.RFLAGS = word(16), word(17)
	*s = old
}

func (m *machine) syscall(s *x86.State) {
	s.RFLAGS = s.R[x86.R11]
	var ret int64 = -38
	switch a, b, c := s.R[x86.RDI], s.R[x86.RSI], s.R[x86.RDX]; s.R[x86.RAX] {
	case 0:
		ret = int64(min(len(m.in), 1))
		m.poke(b, []byte(m.in[:ret]))
		m.in = m.in[ret:]
	case 1:
		p := make([]byte, c)
		ret = int64(m.Read(b, p))
		m.out.Write(p[:ret])
	case 13:
		var act [24]byte
		m.Read(b, act[:])
		m.handlers[a] = binary.LittleEndian.Uint64(act[:])
		m.handlers[0] = binary.LittleEndian.Uint64(act[16:]) // sa_restorer
		ret = 0
	case 15:
		m.sigreturn(s)
		return
	case 131:
		var st [24]byte
		m.Read(a, st[:])
		m.altstack = binary.LittleEndian.Uint64(st[:]) + binary.LittleEndian.Uint64(st[16:])
		ret = 0
	case 231:
		m.done, m.exit = true, int(a)
	case SysUprobe:
		ret = -6
		if s.RIP&^4095 == trampoline && m.optimised {
			f, ok := EnterTrampoline(s, m)
			if ok {
				m.hits++
				m.hit(*s)
				ok = f.Leave(s, m)
			}
			if !ok {
				m.signal(s, 4, 0x80, 0, x86.Exception{})
			}
			return
		}
	}
	s.R[x86.RAX] = uint64(ret)
	if m.step != nil && !m.d.Has(defects.SyscallStep) {
		m.debug(s, x86.Exception{})
	}
}

// traced makes the lines that the captures' event prints.
func traced(t *testing.T, m *machine, offset string) *[]string {
	t.Helper()
	r := events.New(anyFile{})
	line := "p:emu/s /oracle/bin/insn:" + offset + " ip=%ip sp=%sp flags=%flags"
	for _, name := range strings.Fields("ax bx cx dx si di bp r8 r9 r10 r11 r12 r13 r14 r15 cs ss") {
		line += " " + name + "=%" + name
	}
	if _, err := r.Write([]byte(line)); err != nil {
		t.Fatal(err)
	}
	p := r.Probes()[0]
	b := &events.Buffer{Defects: m.d}
	lines := new([]string)
	m.hit = func(s x86.State) {
		h := &events.Hit{Regs: events.Regs{R: s.R, IP: s.RIP, Flags: s.RFLAGS, CS: 0x33, SS: 0x2b}, Memory: m}
		*lines = append(*lines, p.Event.Print(b.Record(p, h)))
	}
	return lines
}

type anyFile struct{}

func (anyFile) Lookup(string) (events.File, error) { return events.File{Inode: 1, Regular: true}, nil }
