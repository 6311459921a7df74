package x86

import "fmt"

// A Kind says why a run ended.
type Kind uint8

// The reasons for the end of a run. The exceptions are those of SDM vol. 3,
// table 6-1. After a fault RIP is that of the instruction, which has changed
// nothing; after a trap (Debug, Breakpoint, Overflow, Syscall, Interrupt) it is
// that of the next one.
const (
	None              Kind = iota // the number of instructions has been executed
	DivideError                   // #DE
	Debug                         // #DB: TF was set before the instruction, or it was int1
	Breakpoint                    // #BP: int3
	Overflow                      // #OF: int 4
	InvalidOpcode                 // #UD
	StackFault                    // #SS: a stack address is not canonical
	GeneralProtection             // #GP
	PageFault                     // #PF
	FloatError                    // #MF: an x87 exception is pending
	AlignmentCheck                // #AC: AC is set, and an address is not a multiple of the size
	SIMDError                     // #XM: an unmasked SSE exception
	Syscall                       // the instruction syscall; RCX and R11 are set
	Interrupt                     // int 0x80; Addr is the number
)

var kinds = [...]struct {
	name   string
	vector int
}{
	None:              {"none", -1},
	DivideError:       {"#DE", 0},
	Debug:             {"#DB", 1},
	Breakpoint:        {"#BP", 3},
	Overflow:          {"#OF", 4},
	InvalidOpcode:     {"#UD", 6},
	StackFault:        {"#SS", 12},
	GeneralProtection: {"#GP", 13},
	PageFault:         {"#PF", 14},
	FloatError:        {"#MF", 16},
	AlignmentCheck:    {"#AC", 17},
	SIMDError:         {"#XM", 19},
	Syscall:           {"syscall", -1},
	Interrupt:         {"int", 0x80},
}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// Vector is the number of the interrupt vector, -1 where there is none.
func (k Kind) Vector() int {
	if int(k) < len(kinds) {
		return kinds[k].vector
	}
	return -1
}

// The bits of the error code of a page fault (SDM vol. 3, 4.7).
const (
	FaultPresent = 1 << 0 // the page is there, but may not be used in this way
	FaultWrite   = 1 << 1
	FaultUser    = 1 << 2
	FaultFetch   = 1 << 4
)

// An Exception is what ended a run.
type Exception struct {
	Kind Kind
	Code uint32 // error code of PageFault and GeneralProtection
	Addr uint64 // address of a PageFault (CR2)
}

func (e Exception) String() string {
	switch e.Kind {
	case PageFault:
		return fmt.Sprintf("%v(%#x) at %#x", e.Kind, e.Code, e.Addr)
	case GeneralProtection, StackFault:
		return fmt.Sprintf("%v(%#x)", e.Kind, e.Code)
	}
	return e.Kind.String()
}

// raise ends the run with an exception of the current instruction. The first
// one counts.
func (c *CPU) raise(kind Kind, code uint32, addr uint64) {
	if c.exc.Kind == None {
		c.exc = Exception{kind, code, addr}
	}
	c.stop = true
}

// isTrap reports whether the instruction has been completed.
func (k Kind) isTrap() bool {
	switch k {
	case Debug, Breakpoint, Overflow, Syscall, Interrupt:
		return true
	}
	return false
}
