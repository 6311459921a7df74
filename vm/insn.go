package vm

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// insnLength returns the length in bytes of the instruction that code begins
// with; code may go on after it. It refuses what a breakpoint cannot replace.
func insnLength(code []byte) (int, error) {
	code = code[:min(len(code), imageInsnMax)]
	if code[0] == imageInt3 {
		return 0, errors.New("already begins with int3, 0xcc (name another function, or take a copy of the file without breakpoints)")
	}
	if n := unknownToX86asm(code); n != 0 {
		return n, nil
	}
	inst, err := x86asm.Decode(code, 64)
	if err != nil || inst.Op == 0 { // x86asm skips over bytes it does not know, without an error
		if cutOff(code) {
			return 0, fmt.Errorf("has its first instruction cut off by the end of the file: % x (try another copy of the file)", code)
		}
		return 0, fmt.Errorf("begins with an instruction that cannot be decoded: % x (name another function)", code)
	}
	// Intel and AMD disagree about its length; branch_setup_xol_ops() refuses it too.
	if _, relative := inst.Args[0].(x86asm.Rel); relative && hasDataSize(inst) {
		return 0, fmt.Errorf("begins with a branch with a 66 prefix, which has no agreed length: % x (name another function)", code[:inst.Len])
	}
	return inst.Len, nil
}

// unknownToX86asm returns the length of the instructions that functions do begin
// with and that x86asm v0.32 gets wrong, 0 for all others.
func unknownToX86asm(code []byte) int {
	known := [...]string{
		"\xf3\x0f\x1e\xfa", // endbr64: x86asm says length 1, no operation
		"\xf3\x0f\x1e\xfb", // endbr32
		"\xc5\xf8\x77",     // vzeroupper: x86asm reads a ModRM byte after it
		"\xc5\xfc\x77",     // vzeroall
	}
	for _, insn := range known {
		if bytes.HasPrefix(code, []byte(insn)) {
			return len(insn)
		}
	}
	return 0
}

// cutOff reports whether code would be an instruction if more bytes followed.
func cutOff(code []byte) bool {
	var longer [imageInsnMax]byte
	copy(longer[:], code)
	inst, err := x86asm.Decode(longer[:], 64)
	return err == nil && inst.Op != 0 && inst.Len > len(code)
}

// hasDataSize reports whether inst has a 66 prefix, needed or not.
func hasDataSize(inst x86asm.Inst) bool {
	for _, p := range inst.Prefix {
		if p&0xff == x86asm.PrefixDataSize { // without the flags
			return true
		}
	}
	return false
}
