package x86

// The numbers of the general registers, as instructions encode them.
const (
	RAX = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15

	zeroReg = 16 // always zero: the base or index of an address that has none
	fsBase  = 17
	gsBase  = 18
)

// A State is all that a program can see of a processor, and what a kernel saves
// and restores.
type State struct {
	R              [16]uint64 // general registers, by number
	RIP            uint64
	RFLAGS         uint64
	FSBase, GSBase uint64
	XMM            [16][2]uint64 // low half first
	MXCSR          uint32
	X87            X87
	Selectors      [4]uint16 // ES, DS, FS, GS
}

// Initial is the state in which Linux starts a program, but for RIP and RSP.
func Initial() State {
	return State{RFLAGS: fixed | IF, MXCSR: 0x1f80, X87: initialX87()}
}

// A CPU is a processor. Make it with [New].
type CPU struct {
	r     [32]uint64 // general registers, then zeroReg and the segment bases
	f     flags
	rip   uint64
	stop  bool   // ends the block after the current instruction
	left  uint64 // instructions that may be executed from the block on
	now   uint64 // those of this run before it
	extra uint64 // iterations of a repeated instruction beyond the first

	sys   uint64 // the bits of RFLAGS that are not status flags
	xmm   [16][2]uint64
	mxcsr uint32
	fpu   X87
	sel   [4]uint16

	fpuLast [2]uint64 // IP and DP before the last x87 instruction

	mem        Memory
	reads      [tlbSize]translation
	writes     [tlbSize]translation
	generation uint64 // of the translations of pages of code
	held       span   // what a locked instruction has read, until it writes
	recheck    bool   // others may have run since the block was looked up

	code codeCache
	exc  Exception
	tsc  uint64 // instructions of the runs before
}

// New makes a processor that sees the given memory.
func New(mem Memory) *CPU {
	c := &CPU{mem: mem}
	c.SetState(Initial())
	return c
}

// State reads the whole state.
func (c *CPU) State() State {
	s := State{RIP: c.rip, RFLAGS: c.RFLAGS(), FSBase: c.r[fsBase], GSBase: c.r[gsBase], XMM: c.xmm, MXCSR: c.mxcsr, X87: c.fpu, Selectors: c.sel}
	copy(s.R[:], c.r[:16])
	return s
}

// SetState changes the whole state. Translations and decoded instructions stay.
func (c *CPU) SetState(s State) {
	copy(c.r[:16], s.R[:])
	c.r[fsBase], c.r[gsBase] = s.FSBase, s.GSBase
	c.rip, c.xmm, c.mxcsr, c.fpu, c.sel = s.RIP, s.XMM, s.MXCSR, s.X87, s.Selectors
	c.SetRFLAGS(s.RFLAGS)
}

// Reg reads a general register.
func (c *CPU) Reg(n int) uint64 { return c.r[n&15] }

// SetReg changes a general register.
func (c *CPU) SetReg(n int, v uint64) { c.r[n&15] = v }

// RIP is the address of the next instruction.
func (c *CPU) RIP() uint64 { return c.rip }

// SetRIP makes the next instruction the one at addr.
func (c *CPU) SetRIP(addr uint64) { c.rip = addr }

// RFLAGS reads the flags.
func (c *CPU) RFLAGS() uint64 { return c.f.pack() | c.sys }

// SetRFLAGS changes the flags.
func (c *CPU) SetRFLAGS(r uint64) {
	c.f = unpack(r)
	if r&AC&^c.sys != 0 { // from now on every access has to be looked at: find
		c.reads = [tlbSize]translation{}
		c.writes = [tlbSize]translation{}
	}
	c.sys = r&^status | fixed
}

// SetFSBase changes the base of the segment FS, where threads keep their own data.
func (c *CPU) SetFSBase(addr uint64) { c.r[fsBase] = addr }

// SetGSBase changes the base of the segment GS.
func (c *CPU) SetGSBase(addr uint64) { c.r[gsBase] = addr }

// Step executes one instruction, or one iteration of a repeated one.
func (c *CPU) Step() Exception {
	_, e := c.Run(1)
	return e
}

// Run executes up to n instructions and says how many it has completed. Each
// iteration of a repeated string instruction counts as one. It ends early with
// an exception; a fault leaves the state as before the instruction.
func (c *CPU) Run(n uint64) (done uint64, e Exception) {
	c.exc = Exception{}
	var last *block
	for done < n {
		b := c.code.follow(c, last)
		if b == nil {
			c.tsc += done
			return done, c.exc
		}
		ops := b.ops
		if left := n - done; uint64(len(ops)) > left {
			ops = ops[:left]
		}
		trap := c.sys&TF != 0
		if trap || !b.page.keep {
			ops = ops[:1]
		}
		c.left, c.now = n-done, done
		if trap {
			c.left = 1
		}
		c.stop = false
		i := 0
		for i < len(ops) {
			op := &ops[i]
			i++
			op.run(c, op)
			if c.stop {
				break
			}
		}
		op := &ops[i-1]
		done += uint64(i)
		if c.stop || c.extra != 0 {
			done += c.extra
			c.extra = 0
			c.held = span{}
			if c.exc.Kind != None {
				if c.exc.Kind == GeneralProtection && c.exc.Addr != 0 {
					c.exc.Addr = 0 // an address that is not canonical
					if op.stack {
						c.exc.Kind = StackFault
					}
				}
				if !c.exc.Kind.isTrap() {
					done--
					if c.fpu.IP == op.addr {
						c.fpu.IP, c.fpu.DP = c.fpuLast[0], c.fpuLast[1]
					}
					c.rip = op.addr
				}
				c.tsc += done
				return done, c.exc
			}
		}
		if !op.branch {
			c.rip = op.next
		}
		if trap {
			c.tsc += done
			return done, Exception{Kind: Debug}
		}
		last = b
		if c.recheck {
			last, c.recheck = nil, false
		}
	}
	c.tsc += done
	return done, Exception{}
}

// Serialize makes all changes of code visible that the processor has not seen
// yet, as the serialising instructions do (SDM vol. 3, 8.3).
func (c *CPU) Serialize() { c.code.serialize() }

// DeferCode makes changes of code visible only after the processor has
// serialised: it goes on with the bytes that it found when it first fetched
// from a page. Without, it sees every change at the next instruction.
func (c *CPU) DeferCode(on bool) {
	c.code.forget()
	c.code.deferred = on
}
