package insn

import (
	"trapline/probes/uprobes/defects"
	"trapline/sim"
)

// maxLen is the length of the longest instruction (SDM vol. 2, 2.3.11).
const maxLen = 15

// A decoded instruction is struct insn: where its parts are, as far as uprobes
// ask.
type decoded struct {
	text     []byte
	prefixes []byte // the different legacy prefixes
	last     byte   // the last of them

	rex    int // offset of the REX prefix, -1 without
	rexLen int // 2 for REX2
	vex    int // offset of the VEX, EVEX or XOP prefix, -1 without
	vexLen int

	opcode    []byte
	modrm     int // offset, -1 without
	imm       int // offset of the immediate
	immLen    int
	immediate int64
	length    int

	opBytes, addrBytes int
	at                 int
}

// legacyPrefix reports whether b is a legacy prefix.
func legacyPrefix(b byte) bool {
	switch b {
	case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3:
		return true
	}
	return false
}

// The columns of the tables: the prefix that selects among instructions of one
// opcode, by the number that VEX prefixes give it.
const (
	noPrefix = iota
	prefix66
	prefixF3
	prefixF2
)

// column is insn_last_prefix_id().
func (d *decoded) column() int {
	if d.vex >= 0 {
		return int(d.text[d.vex+d.pByte()] & 3)
	}
	switch d.last {
	case 0x66:
		return prefix66
	case 0xf3:
		return prefixF3
	case 0xf2:
		return prefixF2
	}
	return noPrefix
}

// pByte is the byte of the VEX prefix that holds the column.
func (d *decoded) pByte() int {
	if d.vexLen == 2 {
		return 1
	}
	return 2
}

// decode is insn_decode() for 64-bit code. The error of one that it cannot
// decode is ENOEXEC.
func decode(text []byte, set defects.Set) (*decoded, error) {
	d := &decoded{text: text[:min(len(text), maxLen)], rex: -1, vex: -1, modrm: -1, opBytes: 4, addrBytes: 8}
	if !set.Has(defects.PrefixOpcode) {
		d.skipREX()
	}
	if !d.getPrefixes(set) || !d.getOperands() {
		return nil, sim.ENOEXEC
	}
	d.length = d.at
	return d, nil
}

// peek is the byte n behind the next one, if there is one.
func (d *decoded) peek(n int) (byte, bool) {
	if d.at+n >= len(d.text) {
		return 0, false
	}
	return d.text[d.at+n], true
}

// skipREX takes the prefixes up to the last REX that another prefix follows. It
// does nothing (SDM vol. 2, 2.2.1).
func (d *decoded) skipREX() {
	for i, b := range d.text {
		isREX := b&0xf0 == 0x40
		if !isREX && !legacyPrefix(b) {
			return
		}
		if i == 0 || d.text[i-1]&0xf0 != 0x40 {
			continue
		}
		for ; d.at < i; d.at++ {
			if p := d.text[d.at]; legacyPrefix(p) {
				d.addPrefix(p)
			}
		}
	}
}

// addPrefix notes a legacy prefix.
func (d *decoded) addPrefix(b byte) {
	d.last = b
	if contains(d.prefixes, b) {
		return
	}
	d.prefixes = append(d.prefixes, b)
	switch b {
	case 0x66:
		d.opBytes ^= 6
	case 0x67:
		d.addrBytes ^= 12
	}
}

// getPrefixes is insn_get_prefixes().
func (d *decoded) getPrefixes(set defects.Set) bool {
	b, ok := d.peek(0)
	for ; ok && legacyPrefix(b); b, ok = d.peek(0) {
		if len(d.prefixes) == 4 && !contains(d.prefixes, b) && set.Has(defects.PrefixOpcode) {
			break // the fifth is taken for an opcode
		}
		d.addPrefix(b)
		d.at++
	}
	if ok && b&0xf0 == 0x40 {
		d.rex, d.rexLen = d.at, 1
		if b&8 != 0 {
			d.opBytes = 8
		}
		d.at++
		return true // what follows is an opcode, though it were VEX
	} else if ok && b == 0xd5 {
		d.rex, d.rexLen = d.at, 2
		if b, ok = d.peek(1); ok && b&8 != 0 {
			d.opBytes = 8
		}
		d.at += 2
		return ok
	}
	if !ok {
		return false
	}
	return d.getVEX(b)
}

// getVEX takes the VEX, EVEX or XOP prefix that begins with b, if it is one.
func (d *decoded) getVEX(b byte) bool {
	second, ok := d.peek(1)
	switch {
	case b == 0x62:
		d.vexLen = 4
	case b == 0xc4, b == 0x8f && ok && second>>3&7 != 0:
		d.vexLen = 3
	case b == 0xc5:
		d.vexLen = 2
	case b == 0x8f:
		return ok
	default:
		return true
	}
	d.vex = d.at
	d.at += d.vexLen
	if d.at > len(d.text) {
		return false
	}
	if d.vexLen > 2 && d.text[d.vex+2]&0x80 != 0 {
		d.opBytes = 8
	}
	return true
}

// getOperands takes the opcode and what follows it.
func (d *decoded) getOperands() bool {
	a, ok := d.getOpcode()
	if !ok {
		return false
	}
	if a.has(hasModRM) {
		if d.at >= len(d.text) {
			return false
		}
		d.modrm = d.at
		d.at++
		if a.has(isGroup) {
			a = d.group(a)
			if d.vex >= 0 && !a.has(vexOK) {
				return false
			}
		}
	}
	if a.has(force64) {
		d.opBytes = 8
	}
	return d.getDisplacement() && d.getImmediate(a)
}

// getOpcode is insn_get_opcode().
func (d *decoded) getOpcode() (attr, bool) {
	op, ok := d.take()
	if !ok {
		return 0, false
	}
	if d.vex >= 0 {
		return d.vexOpcode(op)
	}
	col := d.column()
	if d.rexLen == 2 {
		if d.text[d.rex+1]&0x80 != 0 {
			return lookup(1, op, col), true
		}
		return oneByte(op), true
	}
	if op != 0x0f {
		return oneByte(op), true
	}
	m := 1
	if op, ok = d.take(); !ok {
		return 0, false
	}
	if op == 0x38 || op == 0x3a {
		m = 2
		if op == 0x3a {
			m = 3
		}
		if op, ok = d.take(); !ok {
			return 0, false
		}
	}
	a := lookup(m, op, col)
	return a, !a.has(vexOnly) && !a.has(evexOnly)
}

// vexOpcode finds the attributes of an opcode behind VEX, EVEX or XOP.
func (d *decoded) vexOpcode(op byte) (attr, bool) {
	first, second := d.text[d.vex], d.text[d.vex+1]
	m, isEVEX := 1, first == 0x62
	switch {
	case first == 0x8f:
		a := xopOpcode(second&0x1f, op)
		return a, a.has(vexOK)
	case isEVEX:
		m = int(second & 7)
	case first == 0xc4:
		m = int(second & 0x1f)
	}
	col := d.column()
	a := direct(m, op, col)
	if a.has(scalable) && d.text[d.vex+2]&0x80 == 0 && col == prefix66 {
		d.opBytes = 2
	}
	if a.has(evexOnly) && !isEVEX || !a.has(vexOK) && !a.has(isGroup) {
		return 0, false
	}
	return a, true
}

// take takes the next byte of the opcode.
func (d *decoded) take() (byte, bool) {
	b, ok := d.peek(0)
	if ok {
		d.at++
		d.opcode = append(d.opcode, b)
	}
	return b, ok
}

// reg is the middle field of ModRM, 0 where there is none.
func (d *decoded) reg() byte {
	if d.modrm < 0 {
		return 0
	}
	return d.text[d.modrm] >> 3 & 7
}

// ripRelative is insn_rip_relative().
func (d *decoded) ripRelative() bool { return d.modrm >= 0 && d.text[d.modrm]&0xc7 == 5 }

// getDisplacement takes the SIB byte and the displacement.
func (d *decoded) getDisplacement() bool {
	if d.modrm < 0 {
		return true
	}
	mod, rm := d.text[d.modrm]>>6, d.text[d.modrm]&7
	var base byte
	if mod != 3 && rm == 4 {
		if d.at >= len(d.text) {
			return false
		}
		base = d.text[d.at] & 7
		d.at++
	}
	switch {
	case mod == 1:
		d.at++
	case mod == 2, mod == 0 && (rm == 5 || base == 5):
		d.at += 4
	}
	return d.at <= len(d.text)
}

// getImmediate takes the immediate.
func (d *decoded) getImmediate(a attr) bool {
	d.imm = d.at
	switch a & immMask {
	case imm8:
		d.immLen = 1
	case imm16:
		d.immLen = 2
	case imm32:
		d.immLen = 4
	case immZ:
		d.immLen = min(d.opBytes, 4)
	case immV:
		d.immLen = d.opBytes
	case immEnter:
		d.immLen = 3
	case immOffset:
		d.immLen = d.addrBytes
	}
	d.at += d.immLen
	if d.at > len(d.text) {
		return false
	}
	for i := d.immLen - 1; i >= 0; i-- {
		d.immediate = d.immediate<<8 | int64(d.text[d.imm+i])
	}
	if n := uint(d.immLen); n > 0 && n < 8 {
		d.immediate = d.immediate << (64 - 8*n) >> (64 - 8*n)
	}
	return true
}

func contains(p []byte, b byte) bool {
	for _, c := range p {
		if c == b {
			return true
		}
	}
	return false
}
