package insn

// regs is a set of values of the reg field of ModRM.
type regs uint8

func (r regs) has(reg byte) bool { return r>>reg&1 != 0 }

// group refines the attributes of an opcode by the reg field, as
// inat_get_group_attribute() does.
func (d *decoded) group(a attr) attr {
	reg := d.reg()
	col := d.column()
	m := 0
	switch {
	case d.vex >= 0:
		m = 1
		if d.text[d.vex] == 0x62 {
			m = int(d.text[d.vex+1] & 7)
		} else if d.text[d.vex] == 0xc4 {
			m = int(d.text[d.vex+1] & 0x1f)
		}
	case d.rexLen == 2 && d.text[d.rex+1]&0x80 != 0, len(d.opcode) == 2:
		m = 1
	case len(d.opcode) == 3:
		m = 2
	}
	switch op := d.opcode[len(d.opcode)-1]; m {
	case 0, 4:
		switch {
		case op == 0xf6 && reg < 2:
			a |= imm8
		case op == 0xf7 && reg < 2:
			a |= immZ
		case op == 0xff && (reg == 2 || reg == 4 || reg == 6):
			a |= force64
		}
	case 1:
		a |= group0f(op, reg, col)
	case 2:
		switch {
		case op == 0xf3 && regs(0b1110).has(reg):
			a |= vexOK
		case op != 0xf3 && regs(0b1100110).has(reg) && col == prefix66:
			a |= vexOK
		}
	}
	return a
}

// shifts are the groups of vector shifts: which there are, and which of them
// with 66, where VEX is allowed.
var shifts = [3]struct{ plain, with66 regs }{
	{0b1010100, 0b1010100}, // 71
	{0b1010100, 0b1010111}, // 72
	{0b1000100, 0b11001100},
}

func group0f(op, reg byte, col int) attr {
	switch op {
	case 0x71, 0x72, 0x73:
		s := shifts[op-0x71]
		switch {
		case s.with66.has(reg) && col == prefix66:
			return vexOK | imm8
		case s.plain.has(reg) && col == noPrefix:
			return imm8
		}
	case 0xae:
		if (reg == 2 || reg == 3) && col == noPrefix {
			return vexOK
		}
	}
	return 0
}
