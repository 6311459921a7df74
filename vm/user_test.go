package vm_test

import (
	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// codeBase is where the program of the tests is mapped.
const codeBase = 0x200000

// The instructions of the program, by their offset.
const (
	insnLoad   = 0x00 // mov (%rdi),%al
	insnStore  = 0x10 // mov %al,(%rdi)
	insnLocked = 0x20 // lock add %al,(%rdi)
	insnNop    = 0x30 // nop
	insnWide   = 0xffc
)

var userCode = func() []byte {
	b := make([]byte, page)
	copy(b[insnLoad:], "\x8a\x07")
	copy(b[insnStore:], "\x88\x07")
	copy(b[insnLocked:], "\xf0\x00\x07")
	copy(b[insnNop:], "\x90")
	copy(b[insnWide:], "\x48\x8b\x07\x90") // mov (%rdi),%rax
	return b
}()

// user is a program with an address space, that executes one instruction at a
// time.
type user struct {
	mm  *vm.MM
	cpu *vm.CPU
}

// newUser maps the program into mm, and makes that active on a new processor. It
// may be called by the setup.
func newUser(k *sim.K, mm *vm.MM, code *pagecache.Inode) *user {
	_, err := vm.Mmap(k, mm, vm.MmapArgs{Addr: codeBase, Length: page, Prot: vm.ProtRead | vm.ProtExec,
		Flags: vm.MapPrivate | vm.MapFixed, File: code})
	if err != nil {
		panic(err)
	}
	u := &user{mm, vm.NewCPU(k, "cpu of "+mm.Name)}
	u.cpu.SwitchMM(k, mm)
	return u
}

func newCode(k *sim.K) *pagecache.Inode {
	code := pagecache.NewInode(k, "code", userCode, pagecache.Ramfs)
	pagecache.Populate(k, code, 0)
	return code
}

// execute executes the instruction at an offset of the program, with what addr is
// in RDI and al in RAX; it handles faults.
func (u *user) execute(k *sim.K, insn, addr uint64, al byte) (uint64, error) {
	for {
		u.cpu.SetRIP(codeBase + insn)
		u.cpu.SetReg(x86.RDI, addr)
		u.cpu.SetReg(x86.RAX, uint64(al))
		_, e := u.cpu.Run(k, 1)
		switch e.Kind {
		case x86.None:
			return u.cpu.Reg(x86.RAX), nil
		case x86.PageFault:
			if err := vm.DoPageFault(k, u.mm, e.Addr, vm.FaultFlagsOf(e.Code)); err != nil {
				return 0, err
			}
		default:
			panic(e.String())
		}
	}
}

func (u *user) load(k *sim.K, addr uint64) (byte, error) {
	v, err := u.execute(k, insnLoad, addr, 0)
	return byte(v), err
}

func (u *user) store(k *sim.K, addr uint64, b byte) error {
	_, err := u.execute(k, insnStore, addr, b)
	return err
}
