package conform

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"trapline/vm/x86"
)

// undefinedFlags are the flags that an instruction leaves as the processor likes
// (SDM vol. 1, appendix A).
func undefinedFlags(text []byte) uint64 {
	in, err := x86asm.Decode(text, 64)
	if err != nil {
		return 0
	}
	byOne := in.Opcode>>24 == 0xd0 || in.Opcode>>24 == 0xd1
	switch in.Op {
	case x86asm.MUL, x86asm.IMUL:
		return x86.SF | x86.ZF | x86.AF | x86.PF
	case x86asm.DIV, x86asm.IDIV:
		return x86.OF | x86.SF | x86.ZF | x86.AF | x86.PF | x86.CF
	case x86asm.BSF, x86asm.BSR:
		return x86.OF | x86.SF | x86.AF | x86.PF | x86.CF
	case x86asm.BT, x86asm.BTC, x86asm.BTR, x86asm.BTS:
		return x86.OF | x86.SF | x86.AF | x86.PF
	case x86asm.SHLD, x86asm.SHRD:
		return x86.OF | x86.AF
	case x86asm.SHL, x86asm.SHR, x86asm.SAR:
		if byOne {
			return x86.AF
		}
		return x86.OF | x86.AF
	case x86asm.ROL, x86asm.ROR, x86asm.RCL, x86asm.RCR:
		if byOne {
			return 0
		}
		return x86.OF
	}
	return 0
}

var flagsShown = regexp.MustCompile(`\bfl=0x[0-9a-f]{1,16}\b`)

// withoutFlags clears flags in the values of fl=.
func withoutFlags(out string, undefined uint64) string {
	if undefined == 0 {
		return out
	}
	return flagsShown.ReplaceAllStringFunc(out, func(s string) string {
		v, err := strconv.ParseUint(s[len("fl=0x"):], 16, 64)
		if err != nil {
			return s
		}
		return fmt.Sprintf("fl=0x%x", v&^undefined)
	})
}

// isCount says that the instruction is tzcnt or lzcnt, which a processor without
// them executes as bsf and bsr: other flags, and another result for zero.
func isCount(text []byte) bool {
	in, err := x86asm.Decode(text, 64)
	return err == nil && (in.Op == x86asm.TZCNT || in.Op == x86asm.LZCNT)
}

// text is the instruction at the site.
func (s *site) text() []byte {
	b, err := hex.DecodeString(s.Bytes)
	if err != nil {
		return nil
	}
	return b
}

// isBeyond says that the simulated processor does not have an instruction that that
// of the captures has: the program is killed by SIGILL here, or its handler told.
func (s *site) isBeyond(out string, exit int) bool {
	const told, sigILL = " signo=4 ", -4
	return exit == sigILL && s.Plain.Exit != sigILL ||
		strings.Contains(out, told) && !strings.Contains(text(s.Plain.Out), told) || isCount(s.text())
}
