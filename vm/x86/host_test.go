//go:build linux && amd64

package x86

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The host executes instructions in a process of its own, a static ELF file of
// a few hundred bytes that is assembled here: no C compiler is needed, and the
// Go runtime keeps its signals. The process reads a record, loads the registers
// from it, runs one instruction, stores the registers and writes the record
// back. All is below 2 GiB, so that no register is needed to address it. Signal
// handlers note what faulted and go on with the next record.

// The layout of a record.
const (
	recCode  = 0   // 16 bytes, filled up with nops
	recRegs  = 16  // the general registers
	recFlags = 144 // RFLAGS
	recSig   = 152 // number of the signal, 0 if there was none
	recGregs = 160 // registers at the signal, as in the kernel's sigcontext
	recFX    = 352 // as fxsave writes it
	recData  = 864 // memory for operands
	dataSize = 256
	recSize  = 1152
)

// Where things are in the process, and what it looks like to the executor.
const (
	hostRec  = 0x10010000
	hostData = hostRec + recData
	hostTop  = 0x10030000 // of the stack
	hostAlt  = 0x10040000 // signal stack
	hostSlot = hostBase + 0x800
)

// An assembler writes machine code to consecutive addresses.
type assembler struct {
	addr uint64
	text []byte
}

func (a *assembler) emit(b ...byte) { a.text = append(a.text, b...) }

func (a *assembler) dword(v uint32) { a.text = binary.LittleEndian.AppendUint32(a.text, v) }

// abs emits an instruction with the operand [addr] and the given reg field.
func (a *assembler) abs(op []byte, reg byte, addr uint32) {
	a.emit(op...)
	a.emit(reg<<3|4, 0x25)
	a.dword(addr)
}

// load and save move a register from and to memory.
func (a *assembler) load(r byte, addr uint32) { a.abs([]byte{0x48 | r>>3<<2, 0x8b}, r&7, addr) }
func (a *assembler) save(r byte, addr uint32) { a.abs([]byte{0x48 | r>>3<<2, 0x89}, r&7, addr) }

// set loads a constant.
func (a *assembler) set(r byte, v uint32) {
	a.emit(0xb8 | r)
	a.dword(v)
}

func (a *assembler) here() uint64 { return a.addr + uint64(len(a.text)) }

func (a *assembler) jump(to uint64) {
	a.emit(0xe9)
	a.dword(uint32(to - a.here() - 4))
}

func (a *assembler) pad(to uint64) {
	for a.here() < to {
		a.emit(0x90)
	}
}

func (a *assembler) syscall(n uint32) {
	a.set(RAX, n)
	a.emit(0x0f, 0x05)
}

// hostELF assembles the process.
func hostELF() []byte {
	const (
		entry     = hostBase + 0x100
		handler   = hostBase + 0x400
		finish    = hostBase + 0x600
		restorer  = hostBase + 0x7f0
		action    = hostBase + 0x080 // struct sigaction, in the padding of the headers
		altstack  = hostBase + 0x0a0
		readLoop  = hostBase + 0x200
		loadState = hostBase + 0x280
	)
	a := &assembler{addr: hostBase}
	le := binary.LittleEndian
	a.emit(0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	a.text = le.AppendUint16(a.text, 2)
	a.text = le.AppendUint16(a.text, 62)
	a.dword(1)
	a.text = le.AppendUint64(a.text, entry)
	a.text = le.AppendUint64(a.text, 64)
	a.text = le.AppendUint64(a.text, 0)
	a.dword(0)
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} {
		a.text = le.AppendUint16(a.text, v)
	}
	a.dword(1) // PT_LOAD
	a.dword(7) // rwx
	for _, v := range []uint64{0, hostBase, hostBase, 0xa00, 0x60000, 0x1000} {
		a.text = le.AppendUint64(a.text, v)
	}
	// struct sigaction: handler, SA_SIGINFO|ONSTACK|NODEFER|RESTORER, restorer, mask
	a.pad(action)
	for _, v := range []uint64{handler, 0x4c000004, restorer, 0} {
		a.text = le.AppendUint64(a.text, v)
	}
	for _, v := range []uint64{hostAlt, 0, 0x10000} {
		a.text = le.AppendUint64(a.text, v)
	}

	a.pad(entry)
	a.set(RDI, altstack)
	a.emit(0x31, 0xf6) // xor esi, esi
	a.syscall(131)
	for _, sig := range []uint32{4, 5, 7, 8, 11} {
		a.set(RDI, sig)
		a.set(RSI, action)
		a.emit(0x31, 0xd2) // xor edx, edx
		a.emit(0x41, 0xba) // mov r10d, 8
		a.dword(8)
		a.syscall(13)
	}
	a.jump(readLoop)

	a.pad(readLoop)
	a.emit(0x31, 0xdb) // xor ebx, ebx: bytes read
	again := a.here()
	a.emit(0x31, 0xff) // xor edi, edi
	a.emit(0x8d, 0xb3) // lea esi, [rbx+hostRec]
	a.dword(hostRec)
	a.set(RDX, recSize)
	a.emit(0x29, 0xda) // sub edx, ebx
	a.syscall(0)
	a.emit(0x85, 0xc0, 0x7f, 0x09) // test eax, eax; jg over the exit
	a.emit(0x31, 0xff)             // xor edi, edi
	a.syscall(231)
	a.emit(0x01, 0xc3) // add ebx, eax
	a.emit(0x81, 0xfb) // cmp ebx, recSize
	a.dword(recSize)
	a.emit(0x72, byte(again-a.here()-2)) // jb again
	a.jump(loadState)

	a.pad(loadState)
	a.load(RAX, hostRec+recCode)
	a.save(RAX, hostSlot)
	a.load(RAX, hostRec+recCode+8)
	a.save(RAX, hostSlot+8)
	a.abs([]byte{0x48, 0x0f, 0xae}, 1, hostRec+recFX) // fxrstor64
	a.set(RSP, hostTop)
	a.abs([]byte{0xff}, 6, hostRec+recFlags) // push
	a.emit(0x9d)                             // popf
	for r := range byte(16) {
		a.load(r, hostRec+recRegs+8*uint32(r))
	}
	a.jump(hostSlot)

	a.pad(handler)
	a.save(RDI, hostRec+recSig)
	a.emit(0xfc)                   // cld
	a.emit(0x48, 0x8d, 0x72, 0x28) // lea rsi, [rdx+40]
	a.set(RDI, hostRec+recGregs)
	a.set(RCX, 23)
	a.emit(0xf3, 0x48, 0xa5) // rep movsq
	a.emit(0x48, 0x8b, 0xb2) // mov rsi, [rdx+224]
	a.dword(224)
	a.set(RDI, hostRec+recFX)
	a.set(RCX, 64)
	a.emit(0xf3, 0x48, 0xa5)
	a.jump(finish)

	a.pad(finish)
	a.set(RSP, hostTop)
	a.set(RDI, 1)
	a.set(RSI, hostRec)
	a.set(RDX, recSize)
	a.syscall(1)
	a.jump(readLoop)

	a.pad(hostSlot + 16)
	for r := range byte(16) {
		a.save(r, hostRec+recRegs+8*uint32(r))
	}
	a.set(RSP, hostTop)
	a.emit(0x9c)                             // pushf
	a.abs([]byte{0x8f}, 0, hostRec+recFlags) // pop
	a.emit(0xfc)
	a.abs([]byte{0x48, 0x0f, 0xae}, 0, hostRec+recFX) // fxsave64
	a.emit(0x31, 0xc0)
	a.save(RAX, hostRec+recSig)
	a.jump(finish)
	a.pad(hostBase + 0xa00)
	return a.text
}

// A host is the process.
type host struct {
	in  io.Writer
	out io.Reader
}

func startHost(t testing.TB) *host {
	path := filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(path, hostELF(), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this host does not run the process: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
	})
	return &host{in, out}
}

// A record is what goes to the process and comes back.
type record [recSize]byte

// run executes the records in place. Together they must fit into a pipe.
func (h *host) run(t interface{ Fatal(...any) }, records []record) {
	all := make([]byte, 0, len(records)*recSize)
	for i := range records {
		all = append(all, records[i][:]...)
	}
	if _, err := h.in.Write(all); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if _, err := io.ReadFull(h.out, records[i][:]); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *record) u64(off int) uint64      { return binary.LittleEndian.Uint64(r[off:]) }
func (r *record) put64(off int, v uint64) { binary.LittleEndian.PutUint64(r[off:], v) }

// put writes a state and operands into a record.
func (r *record) put(code []byte, s *State, data []byte) {
	*r = record{}
	for i := range 16 {
		r[recCode+i] = 0x90
	}
	copy(r[recCode:], code)
	for i, v := range s.R {
		r.put64(recRegs+8*i, v)
	}
	r.put64(recFlags, s.RFLAGS)
	fx := fxImage(s)
	copy(r[recFX:], fx[:])
	copy(r[recData:], data)
}

// gregs gives the places of the general registers in a sigcontext.
var gregs = [16]int{13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7}

// state reads what came back; RIP is known only after a signal.
func (r *record) state() (s State) {
	readFX(&s, (*[512]byte)(r[recFX:]))
	if r.u64(recSig) == 0 {
		for i := range s.R {
			s.R[i] = r.u64(recRegs + 8*i)
		}
		s.RFLAGS = r.u64(recFlags)
		return s
	}
	for i, g := range gregs {
		s.R[i] = r.u64(recGregs + 8*g)
	}
	s.RIP = r.u64(recGregs + 8*16)
	s.RFLAGS = r.u64(recGregs+8*17) &^ RF
	return s
}

func (r *record) trap() (number, code, cr2 uint64) {
	return r.u64(recGregs + 8*20), r.u64(recGregs + 8*19), r.u64(recGregs + 8*22)
}
