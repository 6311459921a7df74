package linux

import (
	"errors"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// A space is what processes that share memory share: the address space, and what
// is known of the program in it.
type space struct {
	mm    *vm.MM
	users int // threads

	entry             uint64
	exe               *node
	path              string
	argStart, argEnd  uint64
	envStart, envEnd  uint64
	stackTop, startSP uint64
	auxv              []byte
}

// newCPU gives a new thread a processor on which its address space is active. One
// that a thread has left is taken first: it still knows the instructions of pages
// that it has executed.
func (t *Thread) newCPU(k *sim.K) {
	s := t.sys
	if n := len(s.cpus); n > 0 {
		t.cpu, s.cpus = s.cpus[n-1], s.cpus[:n-1]
	} else {
		t.cpu = vm.NewCPU(k, "cpu")
	}
	t.cpu.SwitchMM(k, t.space.mm)
}

// dupSpace is dup_mm().
func (t *Thread) dupSpace() (*space, error) {
	mm, err := vm.DupMM(t.k, t.space.mm, t.comm)
	if err != nil {
		return nil, err
	}
	s := *t.space
	s.mm, s.users = mm, 1
	return &s, nil
}

// releaseSpace is exit_mm(): the last thread takes the address space down. Whoever
// waits in vfork(2) goes on.
func (t *Thread) releaseSpace() {
	s := t.space
	t.space = nil
	t.proc.vforked = false
	t.dropSpace(s)
	t.sys.cpus = append(t.sys.cpus, t.cpu)
}

func (t *Thread) dropSpace(s *space) {
	s.users--
	last := s.users == 0
	t.cpu.SwitchMM(t.k, nil)
	if last {
		vm.MMPut(t.k, s.mm)
	}
}

// handleFault is do_user_addr_fault().
func (t *Thread) handleFault(addr uint64, code uint32) error {
	return vm.DoPageFault(t.k, t.space.mm, addr, vm.FaultFlagsOf(code))
}

// segvCode is si_code of a fault that could not be handled.
func segvCode(err error) (sig int, code int32) {
	var f *vm.Fault
	if errors.As(err, &f) {
		return f.Signal, int32(f.Code)
	}
	return sigSEGV, segvMaperr
}

func (t *Thread) copyIn(addr uint64, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	return vm.CopyFromUser(t.k, t.space.mm, addr, p)
}

func (t *Thread) copyOut(addr uint64, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	return vm.CopyToUser(t.k, t.space.mm, addr, p)
}

// readString reads a string of at most limit bytes with its end; ENOENT if it is
// longer.
func (t *Thread) readString(addr uint64, limit int) (string, error) {
	b, err := vm.StrncpyFromUser(t.k, t.space.mm, addr, limit)
	if err != nil {
		return "", eFAULT
	}
	if len(b) == limit {
		return "", sim.ENOENT
	}
	return string(b), nil
}

func (t *Thread) load32(addr uint64) (uint32, error) {
	var p [4]byte
	err := t.copyIn(addr, p[:])
	return get32(p[:]), err
}

func (t *Thread) load64(addr uint64) (uint64, error) {
	var p [8]byte
	err := t.copyIn(addr, p[:])
	return get64(p[:]), err
}

// update32 changes a word at one go, as a locked instruction would.
func (t *Thread) update32(addr uint64, change func(uint32) uint32) (old uint32, err error) {
	for {
		t.k.Step(opUpdate, &t.sys.lock, sim.Write)
		if f, _, _ := t.cpu.Translate(addr, 4, x86.Atomic); f != nil {
			off := int(addr % x86.PageSize)
			old = get32(f.Data()[off:])
			put32(f.Data()[off:], change(old))
			f.Changed(off, 4)
			return old, nil
		}
		if vm.DoPageFault(t.k, t.space.mm, addr, vm.FaultWrite|vm.FaultAllowRetry) != nil {
			return 0, eFAULT
		}
	}
}

var opUpdate = sim.NewOp("futex_atomic_op_inuser(%s)")

// sharedAt is the file and the offset in it of memory that several may share.
func (t *Thread) sharedAt(addr uint64) (inode *pagecache.Inode, at uint64, ok bool) {
	mm := t.space.mm
	t.k.DownRead(&mm.MmapSem)
	defer t.k.UpRead(&mm.MmapSem)
	vma := vm.FindVMA(t.k, mm, addr)
	if vma == nil || vma.Inode == nil || vma.Flags&vm.VMShared == 0 {
		return nil, 0, false
	}
	return vma.Inode, addr - vma.Start + vma.Pgoff*x86.PageSize, true
}
