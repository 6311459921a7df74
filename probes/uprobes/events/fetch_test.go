package events

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/vm/x86"
)

// A scenario is a capture of a whole session.
type scenario struct {
	Steps []struct {
		Op       string
		Resolved string
		Errno    any
		Event    string
		Text     []string
		C        string
		Hits     int
		Trace    []string
	}
	Profile map[string]uint64
}

// A process runs the program of the scenario, without probes: the test stops it
// where they are.
type process struct {
	cpu   *x86.CPU
	pages map[uint64]*x86.Frame
	in    string
}

func (p *process) Translate(addr uint64, _ int, _ x86.Access) (*x86.Frame, bool, bool) {
	f := p.pages[addr&^4095]
	return f, f != nil, false
}

func (p *process) Read(addr uint64, b []byte) int {
	n := 0
	for n < len(b) {
		f := p.pages[(addr+uint64(n))&^4095]
		if f == nil {
			break
		}
		n += copy(b[n:], f.Data()[(addr+uint64(n))&4095:])
	}
	return n
}

func (p *process) poke(addr uint64, b []byte) {
	for i, c := range b {
		a := addr + uint64(i)
		f := p.pages[a&^4095]
		f.Data()[a&4095] = c
		f.Changed(int(a&4095), 1)
	}
}

func startArgs(t *testing.T) *process {
	t.Helper()
	f, err := os.Open("testdata/args.gz")
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
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{pages: map[uint64]*x86.Frame{}}
	grow := func(from, to uint64) {
		for a := from &^ 4095; a < to; a += 4096 {
			p.pages[a] = x86.NewFrame(new([4096]byte))
		}
	}
	for _, seg := range file.Progs {
		if seg.Type == elf.PT_LOAD {
			grow(seg.Vaddr, seg.Vaddr+seg.Memsz)
			p.poke(seg.Vaddr, data[seg.Off:seg.Off+seg.Filesz])
		}
	}
	const top = 0x7ffffffff000
	grow(top-16*4096, top)
	s := x86.Initial()
	s.RIP = file.Entry
	s.R[x86.RSP] = 0x7fffffffee20 // where the captures' kernel had put it
	p.poke(s.R[x86.RSP], []byte{1})
	p.cpu = x86.New(p)
	p.cpu.SetState(s)
	return p
}

// step executes one instruction, or a system call.
func (p *process) step(t *testing.T) {
	e := p.cpu.Step()
	if e.Kind == x86.None {
		return
	}
	s := p.cpu.State()
	if e.Kind != x86.Syscall {
		t.Fatalf("%v at %#x", e, s.RIP)
	}
	if s.R[x86.RAX] == 0 && p.in != "" {
		p.poke(s.R[x86.RSI], []byte{p.in[0]})
		p.in = p.in[1:]
		s.R[x86.RAX] = 1
	} else if s.R[x86.RAX] == 1 {
		s.R[x86.RAX] = s.R[x86.RDX]
	}
	p.cpu.SetState(s)
}

// waits reports whether the next instruction is the system call read, and
// there is nothing to read.
func (p *process) waits() bool {
	var b [2]byte
	p.Read(p.cpu.RIP(), b[:])
	return b == [2]byte{0x0f, 0x05} && p.cpu.Reg(x86.RAX) == 0 && p.in == ""
}

// A session is the scenario's events on the process.
type session struct {
	t       *testing.T
	p       *process
	r       *Registry
	buffer  Buffer
	lines   []string
	pending []pendingReturn
}

type pendingReturn struct {
	ret, sp uint64
	probe   *Probe
}

func (s *session) fire(p *Probe, function uint64) {
	st := s.p.cpu.State()
	h := &Hit{Memory: s.p, Comm: "args", Func: function, Regs: Regs{R: st.R, IP: st.RIP, Flags: st.RFLAGS, CS: 0x33, SS: 0x2b, OrigAX: ^uint64(0)}}
	p.Hits++
	s.lines = append(s.lines, "args-P1 "+p.Event.Print(s.buffer.Record(p, h)))
}

// before looks for probes on the next instruction. The last enabled goes first.
func (s *session) before() {
	const base = 0x400000
	ip, sp := s.p.cpu.RIP(), s.p.cpu.Reg(x86.RSP)
	probes := s.r.Probes()
	slices.Reverse(probes)
	for _, p := range probes {
		if base+p.Offset != ip {
			continue
		}
		if !p.Event.Return {
			s.fire(p, 0)
			continue
		}
		var b [8]byte
		s.p.Read(sp, b[:])
		s.pending = append(s.pending, pendingReturn{binary.LittleEndian.Uint64(b[:]), sp + 8, p})
	}
	for n := len(s.pending); n > 0 && s.pending[n-1].ret == ip && s.pending[n-1].sp == sp; n-- {
		s.fire(s.pending[n-1].probe, base+s.pending[n-1].probe.Offset)
		s.pending = s.pending[:n-1]
	}
}

func (s *session) until() {
	for range 1 << 22 {
		if s.p.waits() {
			return
		}
		s.before()
		s.p.step(s.t)
	}
	s.t.Fatal("the program does not wait for a command")
}

func TestFetchArgumentsAsTheKernel(t *testing.T) {
	data, err := os.ReadFile("testdata/fetchargs.json")
	if err != nil {
		t.Fatal(err)
	}
	var scn scenario
	if err := json.Unmarshal(data, &scn); err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, p: startArgs(t), r: New(argsFile{}), buffer: Buffer{Defects: defects.Linux618}}
	commands := 0
	for _, step := range scn.Steps {
		switch step.Op {
		case "define":
			_, err := s.r.Write([]byte(step.Resolved))
			if got, want := nameOf(err), errnoOf(step.Errno); got != want {
				t.Errorf("%s: %v, the kernel says %q", step.Resolved, err, want)
			}
		case "format":
			_, got, _ := strings.Cut(s.r.Event("emu", step.Event).Format(0), "ID: 0\n")
			if want := strings.Join(step.Text, "\n") + "\n"; got != want {
				t.Errorf("format of %s:\n%s\nthe kernel:\n%s", step.Event, got, want)
			}
		case "start":
			s.until()
		case "cmd":
			commands++
			s.lines = nil
			s.p.in = step.C
			s.p.step(t)
			s.until()
			for i := range max(len(s.lines), len(step.Trace)) {
				got, want := "", ""
				if i < len(s.lines) {
					got = s.lines[i]
				}
				if i < len(step.Trace) {
					want = step.Trace[i]
				}
				if got != want {
					t.Errorf("command %s, line %d:\n got %q\nwant %q", step.C, i, got, want)
				}
			}
		}
	}
	if commands != 5 {
		t.Errorf("%d commands", commands)
	}
	for _, p := range s.r.Probes() {
		if want := scn.Profile[p.Event.Name]; p.Hits != want {
			t.Errorf("%s: %d hits, the kernel counts %d", p.Event.Name, p.Hits, want)
		}
		if got, want := p.Profile(), fmt.Sprintf("  /oracle/bin/args %-44s %15d", p.Event.Name, p.Hits); got != want {
			t.Errorf("uprobe_profile %q", got)
		}
	}
}

type argsFile struct{}

func (argsFile) Lookup(string) (File, error) { return File{Inode: 1, Regular: true}, nil }
