package x86

// A Float80 is a number of the double extended format (SDM vol. 1, 4.2.2).
type Float80 struct {
	Sig uint64 // significand, with its integer bit
	SE  uint16 // sign and exponent
}

// X87 is the state of the x87 unit (SDM vol. 1, 8.1). IP, DP and Op are those of
// the last instruction.
type X87 struct {
	CW, SW uint16
	Used   uint8      // one bit for each register that is not empty
	R      [8]Float80 // the physical registers: ST(i) is R[(TOP+i)%8]
	IP, DP uint64
	Op     uint16
}

// The bits of the control and status words.
const (
	fpIE, fpDE, fpZE, fpOE, fpUE, fpPE = 1, 2, 4, 8, 16, 32
	fpSF                               = 1 << 6
	fpES                               = 1 << 7
	fpC0, fpC1, fpC2, fpC3             = 1 << 8, 1 << 9, 1 << 10, 1 << 14
	fpBusy                             = 1 << 15
	fpErrors                           = 0x3f
)

func initialX87() X87 { return X87{CW: 0x37f} }

func (x *X87) top() int { return int(x.SW >> 11 & 7) }

// abridged is the tag word of fxsave: one bit a physical register.
func (x *X87) abridged() uint8 { return x.Used }

// summarize sets ES and B from the exceptions that are not masked.
func (x *X87) summarize() {
	x.SW &^= fpES | fpBusy
	if x.SW&^x.CW&fpErrors != 0 {
		x.SW |= fpES | fpBusy
	}
}

// fpuPending raises #MF if an exception is waiting.
func (c *CPU) fpuPending() bool {
	if c.fpu.SW&fpES != 0 {
		c.raise(FloatError, 0, 0)
		return true
	}
	return false
}
