package linux

import (
	"encoding/binary"

	"trapline/sim"
	"trapline/vm/x86"
)

// The frame that a signal handler finds on its stack, struct rt_sigframe:
//
//	  0  the address that the handler returns to, which calls rt_sigreturn
//	  8  struct ucontext, with the registers from 48 on and the mask at 304
//	312  siginfo
//
// and above it the image of the floating-point registers, as fxsave writes it: the
// processor has no xsave.
const (
	frameUC    = 8
	frameRegs  = frameUC + 40
	frameMask  = frameUC + 296
	frameInfo  = 312
	frameSize  = 440
	fxsaveSize = 512
	redZone    = 128

	ucFlags = 2 | 4 // UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
)

// sigregs is the order of the general registers in struct sigcontext.
var sigregs = [16]int{x86.R8, x86.R9, x86.R10, x86.R11, x86.R12, x86.R13, x86.R14, x86.R15,
	x86.RDI, x86.RSI, x86.RBP, x86.RBX, x86.RDX, x86.RAX, x86.RCX, x86.RSP}

// Places in struct sigcontext, counted in words.
const (
	scRIP = 16 + iota
	scFlags
	scSegments
	scErr
	scTrapno
	scOldmask
	scCR2
	scFPState
)

const (
	userCS = 0x33
	userDS = 0x2b
	// fixedFlags are those of RFLAGS that sigreturn takes from the frame.
	fixedFlags = x86.AC | x86.OF | x86.DF | x86.TF | x86.SF | x86.ZF | x86.AF | x86.PF | x86.CF | x86.RF
)

// An altStack is the stack of sigaltstack(2).
type altStack struct {
	sp, size uint64
	flags    uint32
}

const (
	ssOnstack    = 1
	ssDisable    = 2
	ssAutodisarm = 1 << 31
	minSigStack  = 2048
)

// onAltStack says that the program is on its alternate stack.
func (t *Thread) onAltStack(sp uint64) bool {
	a := &t.alt
	return a.flags&ssAutodisarm == 0 && a.size != 0 && sp > a.sp && sp-a.sp <= a.size
}

func (a *altStack) state(on bool) uint32 {
	switch {
	case a.size == 0:
		return ssDisable
	case on:
		return ssOnstack
	}
	return 0
}

// pushFrame writes the frame and makes the handler run next.
func (t *Thread) pushFrame(info SigInfo, a action, mask sigset) error {
	le := binary.LittleEndian
	state := t.cpu.State()
	sp := state.R[x86.RSP] - redZone
	on := t.onAltStack(state.R[x86.RSP])
	if a.flags&saOnstack != 0 && t.alt.state(on) == 0 {
		sp = t.alt.sp + t.alt.size
	} else if on && !t.onAltStack(sp) {
		return eFAULT // the alternate stack is full
	}
	fp := (sp - fxsaveSize) &^ 63
	sp = (fp-frameSize)&^15 - 8
	if on && !t.onAltStack(sp) {
		return eFAULT
	}
	if a.flags&saRestorer == 0 {
		return eFAULT
	}

	var f [frameSize]byte
	put64(f[:], a.restorer)
	put64(f[frameUC:], ucFlags)
	put64(f[frameUC+16:], t.alt.sp)
	put32(f[frameUC+24:], t.alt.state(on)|t.alt.flags&ssAutodisarm)
	put64(f[frameUC+32:], t.alt.size)
	word := func(i int, v uint64) { le.PutUint64(f[frameRegs+8*i:], v) }
	for i, r := range sigregs {
		word(i, state.R[r])
	}
	word(scRIP, state.RIP)
	word(scFlags, state.RFLAGS)
	word(scSegments, userCS|userDS<<48)
	word(scErr, t.trapErr)
	word(scTrapno, t.trapNo)
	word(scOldmask, uint64(mask))
	word(scCR2, t.cr2)
	word(scFPState, fp)
	put64(f[frameMask:], uint64(mask))
	info.encode(f[frameInfo:])
	fx := state.FXSave()
	if err := t.copyOut(fp, fx[:]); err != nil {
		return err
	}
	if err := t.copyOut(sp, f[:]); err != nil {
		return err
	}
	if t.alt.flags&ssAutodisarm != 0 {
		t.alt = altStack{}
	}

	fresh := x86.Initial()
	state.XMM, state.MXCSR, state.X87 = fresh.XMM, fresh.MXCSR, fresh.X87
	state.R[x86.RDI] = uint64(info.Signo)
	state.R[x86.RSI] = sp + frameInfo
	state.R[x86.RDX] = sp + frameUC
	state.R[x86.RAX] = 0
	state.R[x86.RSP] = sp
	state.RIP = a.handler
	state.RFLAGS &^= x86.DF | x86.RF | x86.TF
	t.cpu.SetState(state)
	return nil
}

// encode writes the siginfo, 128 bytes.
func (i *SigInfo) encode(p []byte) {
	put32(p, uint32(i.Signo))
	put32(p[4:], uint32(i.Errno))
	put32(p[8:], uint32(i.Code))
	put32(p[12:], 0)
	copy(p[16:128], i.Fields[:])
}

// sysRtSigreturn is rt_sigreturn(2). What it returns goes to RAX once more.
func sysRtSigreturn(t *Thread, _ args) (uint64, error) {
	le := binary.LittleEndian
	sp := t.cpu.Reg(x86.RSP) - 8 // the handler's ret has taken the address
	var f [frameSize]byte
	if err := t.copyIn(sp, f[:]); err != nil {
		return t.badFrame()
	}
	word := func(i int) uint64 { return le.Uint64(f[frameRegs+8*i:]) }
	state := t.cpu.State()
	for i, r := range sigregs {
		state.R[r] = word(i)
	}
	state.RIP = word(scRIP)
	state.RFLAGS = state.RFLAGS&^fixedFlags | word(scFlags)&fixedFlags
	if fp := word(scFPState); fp != 0 {
		var fx [fxsaveSize]byte
		if err := t.copyIn(fp, fx[:]); err != nil || !state.FXRestore(&fx) {
			return t.badFrame()
		}
	} else {
		fresh := x86.Initial()
		state.XMM, state.MXCSR, state.X87 = fresh.XMM, fresh.MXCSR, fresh.X87
	}
	t.cpu.SetState(state)
	t.setMask(sigset(get64(f[frameMask:])))
	_ = t.setAltStack(le.Uint64(f[frameUC+16:]), le.Uint64(f[frameUC+32:]), le.Uint32(f[frameUC+24:]))
	t.origRAX = noCall
	return state.R[x86.RAX], nil
}

// badFrame is the end of a sigreturn from a damaged frame.
func (t *Thread) badFrame() (uint64, error) {
	t.origRAX = noCall
	t.ForceSig(SigInfo{Signo: sigSEGV, Code: siKernel})
	return 0, nil
}

// setAltStack is do_sigaltstack().
func (t *Thread) setAltStack(sp, size uint64, flags uint32) error {
	mode := flags &^ uint32(ssAutodisarm)
	switch {
	case t.onAltStack(t.cpu.Reg(x86.RSP)):
		return ePERM
	case mode != ssDisable && mode != ssOnstack && mode != 0:
		return sim.EINVAL
	case mode == ssDisable:
		t.alt = altStack{flags: flags}
		return nil
	case size < minSigStack:
		return sim.ENOMEM
	}
	t.alt = altStack{sp, size, flags}
	return nil
}
