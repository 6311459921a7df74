package vm

import (
	"errors"
	"fmt"

	"trapline/pagecache"
	"trapline/vm/x86"
)

// What a page fault that cannot be mended does to the program.
var (
	// ErrSegv is SIGSEGV: nothing is mapped there, or it may not be used so.
	ErrSegv = errors.New("SIGSEGV")
	// ErrSigbus is SIGBUS: the file has no such page, or it could not be read.
	ErrSigbus = pagecache.ErrSigbus
)

// The signals of a [Fault], and the codes that come with them in si_code.
const (
	SIGBUS     = 7
	SIGSEGV    = 11
	SegvMaperr = 1 // SEGV_MAPERR: nothing is mapped at the address
	SegvAccerr = 2 // SEGV_ACCERR: what is mapped may not be used so
	BusAdrerr  = 2 // BUS_ADRERR: the object that is mapped has no such page
)

// Fault is the signal for a page fault that cannot be mended. It is [ErrSegv] or
// [ErrSigbus].
type Fault struct {
	// Signal and Code are si_signo and si_code.
	Signal, Code int
	// Addr is si_addr, the address that was accessed.
	Addr uint64
}

func (f *Fault) Error() string {
	name := "SIGSEGV"
	if f.Signal == SIGBUS {
		name = "SIGBUS"
	}
	return fmt.Sprintf("%s, code %d, at %#x", name, f.Code, f.Addr)
}

func (f *Fault) Unwrap() error {
	if f.Signal == SIGBUS {
		return ErrSigbus
	}
	return ErrSegv
}

// FaultFlags says what a page fault was for.
type FaultFlags uint8

const (
	// FaultWrite is FAULT_FLAG_WRITE; without it and FaultInstruction the access
	// was a read.
	FaultWrite FaultFlags = 1 << iota
	// FaultInstruction is FAULT_FLAG_INSTRUCTION: an instruction was fetched.
	FaultInstruction
	// FaultAllowRetry is FAULT_FLAG_ALLOW_RETRY: mm->mmap_sem is dropped while a
	// page is being read, and the fault begins again.
	FaultAllowRetry
	// FaultForce is FOLL_FORCE of those who look at another's memory: it goes by
	// what mprotect() could allow, and writes to a private copy.
	FaultForce
)

// FaultFlagsOf is what a page fault of the processor was for, by its error code.
// The fault may be retried.
func FaultFlagsOf(code uint32) FaultFlags {
	flags := FaultAllowRetry
	if code&x86.FaultWrite != 0 {
		flags |= FaultWrite
	}
	if code&x86.FaultFetch != 0 {
		flags |= FaultInstruction
	}
	return flags
}

// allow says whether an area with these flags may be used so: access_error() of
// arch/x86/mm/fault.c, or check_vma_flags() of mm/gup.c with FaultForce.
func (f VMFlags) allow(access FaultFlags) bool {
	need := VMRead | VMWrite | VMExec // any
	switch {
	case access&FaultWrite != 0:
		need = VMWrite
	case access&FaultInstruction != 0:
		need = VMExec
	}
	if access&FaultForce == 0 {
		return f&need != 0
	}
	if access&FaultWrite != 0 && f&VMWrite == 0 && f&(VMShared|VMMayShare) != 0 {
		return false // a copy would not be what the program maps
	}
	return f&(need<<mayShift) != 0
}
