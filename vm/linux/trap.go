package linux

import (
	"trapline/sim"
	"trapline/vm/x86"
)

// The codes of the signals that faults raise, si_code.
const (
	segvMaperr = 1
	illIllopn  = 2
	busAdraln  = 1
	fpeIntdiv  = 1
	fpeFltdiv  = 3
	fpeFltovf  = 4
	fpeFltund  = 5
	fpeFltres  = 6
	fpeFltinv  = 7
	trapBrkpt  = 1
	trapTrace  = 2
)

// taskSize is TASK_SIZE_MAX: where the addresses of programs end.
const taskSize = 1<<47 - 4096

// exception handles what has ended a run of the processor.
func (t *Thread) exception(e x86.Exception) {
	rip := t.cpu.RIP()
	if p := t.sys.probes; p != nil && e.Kind != x86.Syscall && e.Kind != x86.PageFault {
		rip = p.TrapAddr(t, rip)
	}
	switch e.Kind {
	case x86.Syscall:
		t.syscall()
	case x86.PageFault:
		t.pageFault(e)
	case x86.Breakpoint:
		if p := t.sys.probes; p != nil && p.PreSingleStep(t) {
			t.notify = true
			return
		}
		t.trap(3, 0)
		t.ForceSig(SigInfo{Signo: sigTRAP, Code: siKernel})
	case x86.Debug:
		if p := t.sys.probes; p != nil && p.PostSingleStep(t) {
			t.notify = true
			return
		}
		t.trap(1, 0)
		code := int32(trapTrace)
		if s := t.cpu.State(); s.RFLAGS&x86.TF == 0 { // int1
			code = trapBrkpt
		}
		t.ForceSig(faultInfo(sigTRAP, code, rip))
	case x86.DivideError:
		t.fault(0, 0, faultInfo(sigFPE, fpeIntdiv, rip))
	case x86.Overflow:
		t.trap(4, 0)
		t.ForceSig(SigInfo{Signo: sigSEGV, Code: siKernel})
	case x86.InvalidOpcode:
		t.fault(6, 0, faultInfo(sigILL, illIllopn, rip))
	case x86.StackFault:
		t.fault(12, uint64(e.Code), SigInfo{Signo: sigBUS, Code: siKernel})
	case x86.GeneralProtection:
		t.fault(13, uint64(e.Code), SigInfo{Signo: sigSEGV, Code: siKernel})
	case x86.Interrupt:
		// There are no 32-bit system calls: each one is one that does not exist.
		t.cpu.SetReg(x86.RAX, ^uint64(eNOSYS-1))
	case x86.FloatError:
		s := t.cpu.State()
		t.fault(16, 0, faultInfo(sigFPE, fpeCode(s.X87.SW&^s.X87.CW), rip))
	case x86.AlignmentCheck:
		t.fault(17, 0, SigInfo{Signo: sigBUS, Code: busAdraln})
	case x86.SIMDError:
		s := t.cpu.State()
		t.fault(19, 0, faultInfo(sigFPE, fpeCode(uint16(s.MXCSR&^(s.MXCSR>>7))), rip))
	}
}

// trap notes what signal frames tell of the exception.
func (t *Thread) trap(number, code uint64) { t.trapNo, t.trapErr = number, code }

// fault raises a signal for an exception, unless an instruction out of line has
// caused it: then the probes take it back to its own place first.
func (t *Thread) fault(number, code uint64, info SigInfo) {
	t.trap(number, code)
	t.resumeFlag()
	t.ForceSig(info)
}

// resumeFlag is what a fault leaves in the flags that a handler sees.
func (t *Thread) resumeFlag() {
	s := t.cpu.State()
	s.RFLAGS |= x86.RF
	t.cpu.SetState(s)
}

// fpeCode is fpu__exception_code() of the unmasked exceptions.
func fpeCode(raised uint16) int32 {
	switch {
	case raised&1 != 0:
		return fpeFltinv
	case raised&4 != 0:
		return fpeFltdiv
	case raised&8 != 0:
		return fpeFltovf
	case raised&(2|16) != 0:
		return fpeFltund
	case raised&32 != 0:
		return fpeFltres
	}
	return 0
}

// pageFault is exc_page_fault().
func (t *Thread) pageFault(e x86.Exception) {
	t.sys.faults++
	code := uint64(e.Code)
	err := t.handleFault(e.Addr, e.Code)
	if err == nil {
		return
	}
	t.cr2 = e.Addr
	if e.Addr >= taskSize {
		code |= x86.FaultPresent // nothing is told of the kernel's own pages
	}
	t.trap(14, code)
	if err == sim.ENOMEM {
		t.outOfMemory()
		return
	}
	t.resumeFlag()
	sig, sicode := segvCode(err)
	t.ForceSig(faultInfo(sig, sicode, e.Addr))
}

// outOfMemory is the end of a program that has used up its memory.
func (t *Thread) outOfMemory() {
	t.sys.exhausted(Memory)
	t.exitGroup(sigKILL)
}
