package insn

import (
	"trapline/probes/uprobes/defects"
	"trapline/sim"
)

// TextSize is the number of bytes that are copied from the file for a probe, and
// to a slot, MAX_UINSN_BYTES.
const TextSize = 16

// A Class says how the kernel gets an instruction done.
type Class uint8

// The classes.
const (
	OutOfLine Class = iota // a copy is executed in a slot, with a single step
	Nop                    // emulated: nothing
	Jump                   // emulated: jmp, or jcc if its condition holds
	Call                   // emulated: call
	Push                   // emulated: push of a register
)

// String is the name of a class.
func (c Class) String() string {
	return [...]string{"out of line", "nop", "jump", "call", "push"}[c]
}

// Fixups are what is put right after a step out of line, UPROBE_FIX_*.
type Fixups uint8

// The fix-ups.
const (
	FixIP   Fixups = 1 << iota // the instruction pointer counts from the slot
	FixCall                    // so does the return address that was pushed
	FixTF                      // the instruction has changed the trap flag, which counts
	FixSI                      // rsi was the base in place of rip
	FixDI                      // rdi was
	FixBX                      // rbx was
)

// An Insn is an instruction with a probe on it, struct arch_uprobe.
type Insn struct {
	Class  Class
	Length int            // as the kernel decodes it
	Text   [TextSize]byte // as in the file
	Slot   [TextSize]byte // what is executed out of line
	Fixups Fixups

	// CanOptimise says that the int3 may be replaced by a call of a
	// trampoline, once it has been hit: a nop of 5 bytes within a page. Kernels
	// that respect the red zone have no room for it.
	CanOptimise bool

	cond    byte // of a jump: its opcode of one byte
	offset  int64
	reg     int // that is pushed
	defects defects.Set
}

// goodInsns are the opcodes of one byte that may be probed, good_insns_64[]. All
// that begin with 0f are among them, and prefixes, since the decoder may take
// one for an opcode.
var goodInsns = ops("00-05 08-0d 0f 10-15 18-1d 20-26 28-2e 30-36 38-3e 40-5f 63-6b 70-81 83-99 9b-cb d0-d3 d7-e3 e8 e9 eb f0 f2 f3 f5-f9 fc-ff")

// Analyse is prepare_uprobe() without the copying, and
// arch_uprobe_analyze_insn(): what a probe on the instruction at addr means,
// where text are the bytes of the file, as far as there are any. It is EIO where
// there are none, ENOEXEC where the kernel cannot decode them, and ENOTSUPP where
// it refuses them.
func Analyse(text []byte, addr uint64, d defects.Set) (*Insn, error) {
	if len(text) == 0 {
		return nil, sim.EIO
	}
	in := &Insn{defects: d, Fixups: FixIP}
	copy(in.Text[:], text)
	in.Slot = in.Text
	if in.Slot[0] == 0xcc {
		return nil, sim.ENOTSUPP
	}
	dec, err := decode(in.Slot[:], d)
	if err != nil {
		return nil, err
	}
	if err := in.validate(dec); err != nil {
		return nil, err
	}
	in.Length = dec.length
	in.CanOptimise = d.Has(defects.RedZone) && dec.length == CallLen && (dec.isNop() || dec.isNopl()) && addr&4095 <= 4096-CallLen
	if in.judgeByOpcode(dec) {
		done, err := in.branch(dec)
		if done || err != nil {
			return in, err
		}
		if in.push(dec) {
			return in, nil
		}
	}
	in.outOfLine(dec)
	return in, nil
}

// judgeByOpcode reports whether the opcode byte says which instruction it is.
// Behind VEX, EVEX and XOP it does not, but Linux 6.18 thinks so.
func (in *Insn) judgeByOpcode(d *decoded) bool {
	return d.vex < 0 || in.defects.Has(defects.VEXOpcode)
}

// validate is uprobe_init_insn(), behind the decoding.
func (in *Insn) validate(d *decoded) error {
	for _, p := range d.prefixes {
		switch p {
		case 0x26, 0x2e, 0x36, 0x3e, 0xf0:
			return sim.ENOTSUPP
		}
	}
	if !in.judgeByOpcode(d) {
		return nil
	}
	op := d.opcode[0]
	// pop %ss and mov to %ss hold exceptions back (insn_masking_exception()).
	if op == 0x1f || op == 0x8e && d.reg() == 2 || !goodInsns.has(op) {
		return sim.ENOTSUPP
	}
	return nil
}

// isNop is insn_is_nop() of 6.18: any prefix will do.
func (d *decoded) isNop() bool { return len(d.opcode) == 1 && d.opcode[0] == 0x90 }

// isNopl is insn_is_nopl(): 0f 1f /0.
func (d *decoded) isNopl() bool {
	return len(d.opcode) == 2 && d.opcode[0] == 0x0f && d.opcode[1] == 0x1f && d.modrm >= 0 && d.reg() == 0
}

// isKernelNop reports whether it is one of x86_nops[], the nops that the kernel itself uses: behind some
// 66, 0f 1f with this ModRM and zeros. Those with a segment prefix are refused
// before.
func (d *decoded) isKernelNop() bool {
	if d.opcode[0] != 0x0f || len(d.opcode) != 2 || d.opcode[1] != 0x1f {
		return false
	}
	want, prefix := byte(0), 0
	switch d.length {
	case 3:
	case 4:
		want = 0x40
	case 5:
		want = 0x44
	case 6:
		want, prefix = 0x44, 1
	case 7:
		want = 0x80
	case 8:
		want = 0x84
	case 9:
		want, prefix = 0x84, 1
	default:
		return false
	}
	for i, b := range d.text[:d.length] {
		switch {
		case i < prefix && b != 0x66,
			i == prefix && b != 0x0f, i == prefix+1 && b != 0x1f, i == prefix+2 && b != want, i > prefix+2 && b != 0:
			return false
		}
	}
	return true
}

// branch is branch_setup_xol_ops(): what is emulated because its target counts
// from rip, and nops, which are jumps to the next instruction.
func (in *Insn) branch(d *decoded) (bool, error) {
	op := d.opcode[0]
	switch {
	case d.isKernelNop(), op == 0x90 && in.isXchg(d):
		in.Class = Nop
		return true, nil
	case op == 0x90:
		return false, nil
	case op == 0xeb, op == 0xe9:
		in.Class = Jump
	case op == 0xe8:
		in.Class = Call
		clear(in.Slot[d.imm : d.imm+d.immLen]) // what runs if the push fails
	case op == 0x0f && len(d.opcode) == 2:
		op = d.opcode[1] - 0x10
		fallthrough
	default:
		if op&0xf0 != 0x70 {
			return false, nil
		}
		in.Class = Jump
	}
	if contains(d.prefixes, 0x66) { // where Intel's and AMD's processors differ
		return false, sim.ENOTSUPP
	}
	in.cond, in.offset = op, d.immediate
	return true, nil
}

// isXchg reports whether opcode 90 is emulated as a nop: always in 6.18, though
// with REX.B it exchanges rax and r8.
func (in *Insn) isXchg(d *decoded) bool {
	if in.defects.Has(defects.REXNop) || d.rex < 0 {
		return true
	}
	if d.rexLen == 2 {
		return d.text[d.rex+1]&0x11 == 0
	}
	return d.text[d.rex]&1 == 0
}

// push is push_setup_xol_ops(): a push of a register with no prefix but 41.
func (in *Insn) push(d *decoded) bool {
	op := d.opcode[0]
	if op&0xf8 != 0x50 || d.length > 2 || d.length == 2 && (d.rexLen != 1 || d.text[d.rex] != 0x41) {
		return false
	}
	in.Class = Push
	in.reg = int(op & 7)
	if d.length == 2 {
		in.reg += 8
	}
	return true
}

// outOfLine is the rest of arch_uprobe_analyze_insn().
func (in *Insn) outOfLine(d *decoded) {
	if in.judgeByOpcode(d) {
		switch d.opcode[0] {
		case 0x9d: // popf
			in.Fixups |= FixTF
			return
		case 0xc2, 0xc3, 0xca, 0xcb, 0xea: // ret, and jmp to a far address
			in.Fixups &^= FixIP
			return
		case 0x9a:
			in.Fixups ^= FixIP | FixCall
			return
		case 0xff:
			switch d.reg() {
			case 2, 3:
				in.Fixups ^= FixIP | FixCall
			case 4, 5:
				in.Fixups &^= FixIP
			}
		}
	}
	if d.ripRelative() {
		in.rewriteRIP(d)
	}
}

// rewriteRIP is riprel_analyze(): the slot may be too far from what the
// instruction reaches, so it gets a base register that it does not name
// otherwise.
func (in *Insn) rewriteRIP(d *decoded) {
	if d.rex >= 0 {
		in.Slot[d.rex] &^= 1
	}
	if d.vexLen >= 3 {
		in.Slot[d.vex+1] |= 0x60
	}
	reg, other := d.reg(), byte(0)
	if d.vex >= 0 {
		third := d.text[d.vex+d.pByte()]
		other = third>>3&7 ^ 7
	}
	var base byte
	switch {
	case reg != 6 && other != 6:
		base = 6
		in.Fixups |= FixSI
	case reg != 7 && other != 7:
		base = 7
		in.Fixups |= FixDI
	default:
		base = 3
		in.Fixups |= FixBX
	}
	in.Slot[d.modrm] = 0x80 | reg<<3 | base
}
