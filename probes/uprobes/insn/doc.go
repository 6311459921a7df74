// Package insn is what Linux's uprobes do with one x86-64 instruction: whether a
// probe may be put on it, whether the kernel emulates it or has a copy of it
// executed out of line, what it changes in the copy, and what it puts right
// afterwards.
//
// [Analyse] looks at the 16 bytes of the file and makes an [Insn].
// [Insn.Emulate] does the instruction, where the kernel does it itself;
// otherwise [Insn.PreXOL] prepares the registers for the copy, which is
// [Insn.Slot], and [Insn.PostXOL] or [Insn.AbortXOL] puts them right. A
// [defects.Set] says which kernel it is.
//
// It follows arch/x86/kernel/uprobes.c and arch/x86/lib/insn.c. The kernel's
// decoder is not a processor's: what it takes for the opcode or the length
// decides, also where it is mistaken.
package insn
