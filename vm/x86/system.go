package x86

// What needs the kernel, or is about the processor itself.

func nop(*CPU, *insn)          {}
func ud(c *CPU, _ *insn)       { c.raise(InvalidOpcode, 0, 0) }
func forbid(c *CPU, _ *insn)   { c.raise(GeneralProtection, 0, 0) }
func fence(*CPU, *insn)        {}
func fwait(c *CPU, _ *insn)    { c.fpuPending() }
func int3(c *CPU, in *insn)    { c.trap(in, Breakpoint, 0) }
func int1(c *CPU, in *insn)    { c.trap(in, Debug, 0) }
func into(c *CPU, in *insn)    { c.trap(in, Overflow, 0) }
func int80(c *CPU, in *insn)   { c.trap(in, Interrupt, 0x80) }
func clflush(c *CPU, in *insn) { load[uint8](c, c.ea(in), Read) }

// trap ends the run behind the instruction.
func (c *CPU) trap(in *insn, kind Kind, number uint64) {
	c.rip = in.next
	c.raise(kind, 0, number)
}

// forbidInt is an int whose gate is closed to programs: the error code names
// the entry of the IDT (SDM vol. 3, 6.13).
func forbidInt(c *CPU, in *insn) { c.raise(GeneralProtection, uint32(in.imm)<<3|2, 0) }

// syscall leaves RIP in RCX and RFLAGS in R11 (SDM vol. 2, SYSCALL).
func syscall(c *CPU, in *insn) {
	c.r[RCX] = in.next
	c.r[R11] = c.RFLAGS() &^ RF
	c.trap(in, Syscall, 0)
}

// rdtsc counts the instructions of this processor.
func rdtsc(c *CPU, _ *insn) {
	t := c.tsc + c.now
	c.r[RAX], c.r[RDX] = t&0xffffffff, t>>32
}

// The bits of CPUID leaf 1 and 0x80000001 that are set: what this package
// executes, and no more. Programs choose their variants of memcpy by them.
const (
	cpuFeatures1  = 1<<0 | 1<<4 | 1<<8 | 1<<15 | 1<<19 | 1<<24 | 1<<25 | 1<<26 // FPU TSC CX8 CMOV CLFSH FXSR SSE SSE2
	cpuFeatures1c = 1 << 13                                                    // CX16
	cpuFeatures8  = 1<<0 | 1<<4 | 1<<8 | 1<<11 | 1<<15 | 1<<20 | 1<<24 | 1<<29 // those of AMD, SYSCALL, NX, LM
	cpuFeatures8c = 1 << 0                                                     // LAHF
)

// cpuid answers like a processor with SSE2 and nothing later. It serialises.
func cpuid(c *CPU, _ *insn) {
	var a, b, cx, d uint32
	word := func(s string) uint32 {
		return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
	}
	switch leaf := uint32(c.r[RAX]); leaf {
	case 0, 0x80000000:
		a = 1
		if leaf != 0 {
			a = 0x80000008
		}
		b, d, cx = word("Auth"), word("enti"), word("cAMD")
	case 0x80000001:
		a, cx, d = 0x00060fb1, cpuFeatures8c, cpuFeatures8
	case 0x80000002, 0x80000003, 0x80000004:
		const brand = "trapline x86-64 executor                        "
		s := brand[(leaf-0x80000002)*16:]
		a, b, cx, d = word(s), word(s[4:]), word(s[8:]), word(s[12:])
	case 0x80000005: // caches, as QEMU reports them for qemu64
		a, b, cx, d = 0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140
	case 0x80000006:
		b, cx = 0x42004200, 0x02008140
	case 0x80000007:
	case 0x80000008:
		a = 0x3028
	default: // leaves that do not exist answer like the last basic one
		a, b, cx, d = 0x00060fb1, 8<<8|1<<16, cpuFeatures1c, cpuFeatures1
	}
	c.r[RAX], c.r[RBX], c.r[RCX], c.r[RDX] = uint64(a), uint64(b), uint64(cx), uint64(d)
	c.Serialize()
}
