package x86

// maxLen is the length of the longest instruction (SDM vol. 2, 2.3.11).
const maxLen = 15

// prefixes are those of one instruction (SDM vol. 2, 2.1.1 and 2.2.1). Where
// several of a group are given, the last counts; a REX prefix counts only right
// before the opcode.
type prefixes struct {
	n       int  // bytes
	op16    bool // 66
	ad32    bool // 67
	lock    bool // f0
	rep     byte // f2, f3 or 0
	segment uint8
	rex     byte
}

func parsePrefixes(text []byte) prefixes {
	p := prefixes{segment: zeroReg}
	for ; p.n < len(text); p.n++ {
		b := text[p.n]
		switch {
		case b&0xf0 == 0x40:
			p.rex = b
			continue
		case b == 0x66:
			p.op16 = true
		case b == 0x67:
			p.ad32 = true
		case b == 0xf0:
			p.lock = true
		case b == 0xf2, b == 0xf3:
			p.rep = b
		case b == 0x64:
			p.segment = fsBase
		case b == 0x65:
			p.segment = gsBase
		case b == 0x26, b == 0x2e, b == 0x36, b == 0x3e: // nothing in 64-bit mode
		default:
			return p
		}
		p.rex = 0
	}
	return p
}

// canonical writes the prefixes that x86asm is to see, each at most once. Lock
// and the segments are ours to handle.
func (p prefixes) canonical(out []byte) []byte {
	if p.ad32 {
		out = append(out, 0x67)
	}
	if p.op16 {
		out = append(out, 0x66)
	}
	if p.rep != 0 {
		out = append(out, p.rep)
	}
	if p.rex != 0 {
		out = append(out, p.rex)
	}
	return out
}

// modrmLen is the number of bytes of the ModRM byte, SIB byte and displacement
// that text begins with (SDM vol. 2, 2.1.5).
func modrmLen(text []byte) int {
	mod, rm := text[0]>>6, text[0]&7
	n := 1
	base := rm
	if mod != 3 && rm == 4 {
		base = text[1] & 7
		n++
	}
	switch {
	case mod == 1:
		n++
	case mod == 2, mod == 0 && base == 5:
		n += 4
	}
	return n
}
