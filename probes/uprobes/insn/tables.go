package insn

import "strings"

// An attr says what the decoder knows of an opcode.
type attr uint16

const (
	hasModRM attr = 1 << iota
	isGroup       // the reg field of ModRM says which instruction it is
	vexOK         // may stand behind VEX, EVEX or XOP
	vexOnly       // must
	evexOnly      // must stand behind EVEX
	scalable      // EVEX's 66 is an operand size
	force64       // operands of 64 bits
	immShift = 12
)

// The immediates.
const (
	imm8      attr = (iota + 1) << immShift
	imm16          // 2 bytes
	imm32          // 4 bytes
	immZ           // 2 or 4 bytes, by the operand size
	immV           // 2, 4 or 8 bytes, by the operand size
	immEnter       // 2 bytes and 1 byte
	immOffset      // an address
	immMask   attr = 15 << immShift
)

func (a attr) has(b attr) bool { return a&b == b }

// A set is a set of opcodes.
type set [4]uint64

func (s *set) has(op byte) bool { return s[op>>6]>>(op&63)&1 != 0 }

// ops reads a set: opcodes and ranges in hexadecimal.
func ops(list string) (s set) {
	digit := func(c byte) int { return strings.IndexByte("0123456789abcdef", c) }
	for _, f := range strings.Fields(list) {
		from := digit(f[0])<<4 | digit(f[1])
		to := from
		if len(f) == 5 {
			to = digit(f[3])<<4 | digit(f[4])
		}
		for op := from; op <= to; op++ {
			s[op>>6] |= 1 << (op & 63)
		}
	}
	return s
}

// The opcodes of one byte (SDM vol. 2, appendix A.2).
var (
	invalid64 = ops("06 07 0e 16 17 1e 1f 27 2f 37 3f 60 61 82 9a ce d4 ea")
	modrm1    = ops("00-03 08-0b 10-13 18-1b 20-23 28-2b 30-33 38-3b 63 69 6b 80 81 83-8f c0 c1 c6 c7 d0-d3 d8-df f6 f7 fe ff")
	group1    = ops("f6 f7 ff")
	imm8of1   = ops("04 0c 14 1c 24 2c 34 3c 6a 6b 70-7f 80 83 a8 b0-b7 c0 c1 c6 cd e0-e7 eb")
	immZof1   = ops("05 0d 15 1d 25 2d 35 3d 68 69 81 a9 c7 e8 e9")
	force1    = ops("50-5f 68 6a 9c 9d c2 c9 e0-e3 e8 e9 eb")
)

// oneByte are the attributes of an opcode of one byte.
func oneByte(op byte) attr {
	if invalid64.has(op) {
		return 0
	}
	var a attr
	if modrm1.has(op) {
		a |= hasModRM
	}
	if group1.has(op) {
		a |= isGroup
	}
	if force1.has(op) {
		a |= force64
	}
	switch {
	case imm8of1.has(op):
		a |= imm8
	case immZof1.has(op):
		a |= immZ
	case op >= 0xb8 && op <= 0xbf:
		a |= immV
	case op == 0xc2, op == 0xca:
		a |= imm16
	case op == 0xc8:
		a |= immEnter
	case op >= 0xa0 && op <= 0xa3:
		a |= immOffset
	}
	return a
}

// A column lists the opcodes of a map that are there with one prefix.
type column struct {
	legacy set // without VEX
	both   set // with and without
	vex    set // with VEX or EVEX only
	evex   set // with EVEX only
}

// An opcodeMap is one of the maps behind 0f, or selected by VEX.
type opcodeMap struct {
	columns [4]column
	groups  set
}

// any reports whether a column has an instruction.
func (c *column) any(op byte) bool {
	return c.legacy.has(op) || c.both.has(op) || c.vex.has(op) || c.evex.has(op)
}

// The maps. What is there in 6.18 is AVX-512 with FP16, AMX, APX and the
// extensions to AVX up to 2024, after the SDM vol. 2, appendix A.3, and the
// kernel's list of them.
var maps = [8]*opcodeMap{
	1: {
		columns: [4]column{
			noPrefix: {
				legacy: ops("02 03 05-09 0b 0e 0f 1a 1b 1f-23 2a 2c 2d 30-35 37 40 43 48 49 4c-4f 60-6b 6e-70 74-76 7e 7f 80-8f 94-97 9a-9f a0-a5 a8-ad af-b7 bb-bf c0 c1 c3-c5 c8-cf d1-d5 d7-e5 e7-ef f1-ff"),
				both:   ops("10-17 28 29 2b 2e 2f 41 42 44-47 4a 4b 50-5f 77-79 90-93 98 99 c2 c6"),
			},
			prefix66: {
				legacy: ops("1a 1b 2a 2c 2d bc bd"),
				both: ops("10-17 28 29 2b 2e 2f 41 42 44-47 4a 4b 50 51 54-5f 60-70 74-76 7c-7f 90-93 98 99" +
					" c2 c4-c6 d0-ef f1-fe"),
				evex: ops("78-7b"),
			},
			prefixF3: {
				legacy: ops("1a 1b b8 bc bd d6"),
				both:   ops("10-12 16 2a 2c 2d 51-53 58-5f 6f 70 7e 7f c2 e6"),
				evex:   ops("78-7b"),
			},
			prefixF2: {
				legacy: ops("1a 1b bc bd d6"),
				both:   ops("10-12 2a 2c 2d 51 58-5a 5c-5f 70 7c 7d 92 93 c2 d0 e6 f0"),
				evex:   ops("6f 78-7b 7f"),
			},
		},
		groups: ops("00 01 0d 18 1c 1e 71-73 a6 a7 ae b9 ba c7"),
	},
	2: {
		columns: [4]column{
			noPrefix: {
				legacy: ops("00-0b 1c-1e c8-cd f0 f1 f6 f9 fc"),
				both:   ops("49 5e 6c da"),
				vex:    ops("50 51 b0 d2 d3 f2 f5 f7"),
			},
			prefix66: {
				legacy: ops("80-82 f0 f1 f5 f6 f8 fc"),
				both:   ops("00-0b 10 14 15 17 1c-1e 20-25 28-2b 30-35 37-41 49 4b 50-53 5e 6c b4 b5 cf da-df e0-ef"),
				vex:    ops("0c-0f 13 16 18-1a 2c-2f 36 45-47 58-5a 78 79 8c 8e 90-93 96-9f a6-af b0 b1 b6-bf d2 d3 f7"),
				evex:   ops("11 12 1b 1f 26 27 42-44 4c-4f 54 55 5b 62-66 70-73 75-77 7a-7f 83 88-8b 8d 8f a0-a3 c4 c8 ca-cd"),
			},
			prefixF3: {
				legacy: ops("d8 dc-df f6 f8 fa-fc"),
				both:   ops("5c 5e 72"),
				vex:    ops("4b 50 51 b0 b1 d2 d3 da f5 f7"),
				evex:   ops("10-15 20-2a 30-35 38-3a 52"),
			},
			prefixF2: {
				legacy: ops("f0 f1 f8 fc"),
				both:   ops("49 4b 5c 5e"),
				vex:    ops("50 51 cb-cd da f5-f7"),
				evex:   ops("52 53 68 72 9a 9b aa ab"),
			},
		},
		groups: ops("c6 c7 f3"),
	},
	3: {
		columns: [4]column{
			noPrefix: {
				legacy: ops("0f cc"),
				both:   ops("08 0a"),
				evex:   ops("26 27 56 57 66 67 c2"),
			},
			prefix66: {
				both: ops("08-0f 14-17 20-22 40-42 44 4c 60-63 ce cf de df"),
				vex:  ops("00-02 04-06 18 19 1d 30-33 38 39 46 4a 4b"),
				evex: ops("03 1a 1b 1e 1f 23 25-27 3a 3b 3e 3f 43 50 51 54-57 66 67 70-73"),
			},
			prefixF3: {
				legacy: ops("f0"),
				evex:   ops("c2"),
			},
			prefixF2: {
				vex: ops("f0"),
			},
		},
	},
	4: { // APX
		columns: [4]column{
			noPrefix: {evex: ops("00-03 08-0b 10-13 18-1b 20-24 28-2c 30-33 38-3b 40-4f 60 61 66 69 6b 84 85 88 8f a5 ad af f0 f1 f4 f5 f9")},
			prefix66: {evex: ops("01 03 09 0b 11 13 19 1b 21 23 24 29 2b 2c 31 33 39 3b 40-4f 60 61 65 66 69 6b 85 88 a5 ad af f1 f4 f5 f8")},
			prefixF3: {evex: ops("66 f0-f2 f8")},
			prefixF2: {evex: ops("40-4f f8")},
		},
		groups: ops("80 81 83 c0 c1 d0-d3 f6 f7 fe ff"),
	},
	5: { // AVX512-FP16
		columns: [4]column{
			noPrefix: {evex: ops("1d 2e 2f 51 58-5f 78 79 7c 7d")},
			prefix66: {evex: ops("1d 5a 5b 6e 78-7e")},
			prefixF3: {evex: ops("10 11 2a 2c 2d 51 58-5f 78 79 7b 7d")},
			prefixF2: {evex: ops("5a 7a 7d")},
		},
	},
	6: {
		columns: [4]column{
			noPrefix: {evex: ops("13")},
			prefix66: {evex: ops("13 2c 2d 42 43 4c-4f 96-9f a6-af b6-bf")},
			prefixF3: {evex: ops("56 57 d6 d7")},
			prefixF2: {evex: ops("56 57 d6 d7")},
		},
	},
	7: {
		columns: [4]column{
			prefixF3: {both: ops("f6 f8")},
			prefixF2: {both: ops("f6 f8")},
		},
	},
}

// lookup is inat_get_escape_attribute(): the prefix counts only where some
// instruction of the opcode has one.
func lookup(m int, op byte, col int) attr {
	t := maps[m]
	if !t.columns[prefix66].any(op) && !t.columns[prefixF3].any(op) && !t.columns[prefixF2].any(op) {
		col = noPrefix
	}
	return t.attr(m, op, col)
}

// direct is inat_get_avx_attribute(): the prefix is part of the opcode, but for
// groups, where it counts later.
func direct(m int, op byte, col int) attr {
	if m >= len(maps) || maps[m] == nil {
		return 0
	}
	return maps[m].attr(m, op, col)
}

// attr gathers what the tables say of an opcode.
func (t *opcodeMap) attr(m int, op byte, col int) attr {
	a := operands(m, op)
	if t.groups.has(op) {
		if m == 4 {
			a |= vexOK | evexOnly
		}
		return a | hasModRM | isGroup
	}
	switch c := &t.columns[col]; {
	case c.vex.has(op):
		a |= vexOK | vexOnly
	case c.evex.has(op):
		a |= vexOK | evexOnly
	case c.both.has(op):
		a |= vexOK
	case !c.legacy.has(op):
		return 0
	}
	if m == 4 {
		a |= scalable
	}
	return a
}

var (
	noModRM0f = ops("05-09 0b 0e 30-35 37 77 80-8f a0-a2 a8-aa c8-cf")
	imm8of0f  = ops("0f 70 a4 ac ba c2 c4-c6")
)

// operands says what follows an opcode of a map.
func operands(m int, op byte) attr {
	a := hasModRM
	switch m {
	case 1:
		switch {
		case noModRM0f.has(op):
			a = 0
		case imm8of0f.has(op):
			a |= imm8
		}
		if op&0xf0 == 0x80 {
			a |= immZ | force64
		}
		if op == 0xa0 || op == 0xa1 || op == 0xa8 || op == 0xa9 {
			a |= force64
		}
	case 3:
		a |= imm8
	case 4:
		switch op {
		case 0x24, 0x2c, 0x6b, 0x80, 0x83, 0xc0, 0xc1:
			a |= imm8
		case 0x69, 0x81:
			a |= immZ
		case 0x84, 0x85:
			a = 0
		}
	case 7:
		a |= imm32
	}
	return a
}

var (
	xop8 = ops("85-87 8e 8f 95-97 9e 9f a2 a3 a6 b6 c0-c3 cc-cf ec-ef")
	xop9 = ops("01 02 12 80-83 90-9b c1-c3 c6 c7 cb d1-d3 d6 d7 db e1-e3")
)

// xopOpcode are the attributes of an opcode behind XOP (AMD64 Architecture
// Programmer's Manual vol. 3, A.1.5).
func xopOpcode(m, op byte) attr {
	switch {
	case m == 8 && xop8.has(op):
		return hasModRM | vexOK | imm8
	case m == 9 && xop9.has(op):
		return hasModRM | vexOK
	case m == 10 && (op == 0x10 || op == 0x12):
		return hasModRM | vexOK | imm32
	}
	return 0
}
