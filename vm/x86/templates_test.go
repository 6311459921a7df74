//go:build linux && amd64

package x86

// integerTemplates are the integer instructions.
func integerTemplates() (ts []template) {
	add := func(t template) { ts = append(ts, t) }
	for i, name := range []string{"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"} {
		var undef func(*instance) uint64
		if i == 1 || i == 4 || i == 6 {
			undef = undefLogic
		}
		o := byte(i << 3)
		lock := name != "cmp"
		add(template{name: name, op: []byte{o}, ext: anyReg, sizes: "b", lock: lock, undef: undef})
		add(template{name: name, op: []byte{o | 1}, ext: anyReg, sizes: "v", lock: lock, undef: undef})
		add(template{name: name, op: []byte{o | 2}, ext: anyReg, sizes: "b", undef: undef})
		add(template{name: name, op: []byte{o | 3}, ext: anyReg, sizes: "v", undef: undef})
		add(template{name: name, op: []byte{o | 4}, ext: noModRM, sizes: "b", imm: 'b', undef: undef})
		add(template{name: name, op: []byte{o | 5}, ext: noModRM, sizes: "v", imm: 'z', undef: undef})
		add(template{name: name, op: []byte{0x80}, ext: i, sizes: "b", imm: 'b', lock: lock, undef: undef})
		add(template{name: name, op: []byte{0x81}, ext: i, sizes: "v", imm: 'z', lock: lock, undef: undef})
		add(template{name: name, op: []byte{0x83}, ext: i, sizes: "v", imm: 'b', lock: lock, undef: undef})
	}
	both := func(name string, op byte, ext int, imm byte, lock bool, undef func(*instance) uint64) {
		immV := imm
		if imm == 'z' {
			imm = 'b'
		}
		add(template{name: name, op: []byte{op}, ext: ext, sizes: "b", imm: imm, lock: lock, undef: undef})
		add(template{name: name, op: []byte{op | 1}, ext: ext, sizes: "v", imm: immV, lock: lock, undef: undef})
	}
	both("test", 0x84, anyReg, 0, false, undefLogic)
	both("test", 0xa8, noModRM, 'z', false, undefLogic)
	both("test", 0xf6, 0, 'z', false, undefLogic)
	both("test/1", 0xf6, 1, 'z', false, undefLogic)
	both("not", 0xf6, 2, 0, true, nil)
	both("neg", 0xf6, 3, 0, true, nil)
	both("mul", 0xf6, 4, 0, false, undefMul)
	both("imul", 0xf6, 5, 0, false, undefMul)
	both("div", 0xf6, 6, 0, false, undefAll)
	both("idiv", 0xf6, 7, 0, false, undefAll)
	both("inc", 0xfe, 0, 0, true, nil)
	both("dec", 0xfe, 1, 0, true, nil)
	for i, name := range []string{"rol", "ror", "rcl", "rcr", "shl", "shr", "shl/6", "sar"} {
		undef, undef1 := undefShift, undefShift1
		if i < 4 {
			undef, undef1 = undefRotate, nil
		}
		both(name, 0xc0, i, 'b', false, undef)
		both(name, 0xd0, i, 0, false, undef1)
		both(name, 0xd2, i, 0, false, undef)
	}
	for op := byte(0xa4); op <= 0xac; op += 8 {
		add(template{name: "shld/shrd", op: []byte{0x0f, op}, ext: anyReg, sizes: "v", imm: 'b', undef: undefDouble})
		add(template{name: "shld/shrd cl", op: []byte{0x0f, op | 1}, ext: anyReg, sizes: "v", undef: undefDouble})
	}
	add(template{name: "imul", op: []byte{0x0f, 0xaf}, ext: anyReg, sizes: "v", undef: undefMul})
	add(template{name: "imul", op: []byte{0x69}, ext: anyReg, sizes: "v", imm: 'z', undef: undefMul})
	add(template{name: "imul", op: []byte{0x6b}, ext: anyReg, sizes: "v", imm: 'b', undef: undefMul})
	for i, name := range []string{"bt", "bts", "btr", "btc"} {
		lock := i > 0
		add(template{name: name, op: []byte{0x0f, byte(0xa3 + i<<3)}, ext: anyReg, sizes: "v", forms: onlyReg, undef: undefBit})
		add(template{name: name, op: []byte{0x0f, 0xba}, ext: 4 + i, sizes: "v", imm: 'b', lock: lock, undef: undefBit})
	}
	add(template{name: "bsf", op: []byte{0x0f, 0xbc}, ext: anyReg, sizes: "v", undef: undefScan})
	add(template{name: "bsr", op: []byte{0x0f, 0xbd}, ext: anyReg, sizes: "v", undef: undefScan})
	add(template{name: "bswap", op: []byte{0x0f, 0xc8}, ext: noModRM, forms: onlyReg, sizes: "y"})
	both("mov", 0x88, anyReg, 0, false, nil)
	both("mov", 0x8a, anyReg, 0, false, nil)
	both("mov", 0xc6, 0, 'z', false, nil)
	add(template{name: "mov", op: []byte{0xb0}, ext: noModRM, forms: onlyReg, sizes: "b", imm: 'b'})
	add(template{name: "mov", op: []byte{0xb8}, ext: noModRM, forms: onlyReg, sizes: "v", imm: 'v'})
	both("xchg", 0x86, anyReg, 0, true, nil)
	add(template{name: "xchg", op: []byte{0x90}, ext: noModRM, forms: onlyReg, sizes: "v"})
	for _, op := range []byte{0xb6, 0xb7, 0xbe, 0xbf} {
		add(template{name: "movzx/movsx", op: []byte{0x0f, op}, ext: anyReg, sizes: "v"})
	}
	add(template{name: "movsxd", op: []byte{0x63}, ext: anyReg, sizes: "v"})
	add(template{name: "lea", op: []byte{0x8d}, ext: anyReg, sizes: "v", forms: onlyMem})
	add(template{name: "xadd", op: []byte{0x0f, 0xc0}, ext: anyReg, sizes: "b", lock: true})
	add(template{name: "xadd", op: []byte{0x0f, 0xc1}, ext: anyReg, sizes: "v", lock: true})
	add(template{name: "cmpxchg", op: []byte{0x0f, 0xb0}, ext: anyReg, sizes: "b", lock: true})
	add(template{name: "cmpxchg", op: []byte{0x0f, 0xb1}, ext: anyReg, sizes: "v", lock: true})
	add(template{name: "cmpxchg8b/16b", op: []byte{0x0f, 0xc7}, ext: 1, sizes: "y", forms: onlyMem, lock: true, align: true})
	add(template{name: "movnti", op: []byte{0x0f, 0xc3}, ext: anyReg, sizes: "y", forms: onlyMem})
	for i := range byte(16) {
		add(template{name: "setcc", op: []byte{0x0f, 0x90 | i}, ext: 0, sizes: "b"})
		add(template{name: "cmovcc", op: []byte{0x0f, 0x40 | i}, ext: anyReg, sizes: "v"})
	}
	for _, op := range []byte{0x98, 0x99} {
		add(template{name: "cbw/cwd", op: []byte{op}, ext: noModRM, sizes: "v"})
	}
	for _, op := range []byte{0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0xfc, 0xfd} {
		add(template{name: "flags", op: []byte{op}, ext: noModRM})
	}
	add(template{name: "nop", op: []byte{0x0f, 0x1f}, ext: anyReg, sizes: "v"})
	add(template{name: "prefetch", op: []byte{0x0f, 0x18}, ext: anyReg, forms: onlyMem})
	add(template{name: "ud2", op: []byte{0x0f, 0x0b}, ext: noModRM})
	add(template{name: "hlt", op: []byte{0xf4}, ext: noModRM})
	add(template{name: "int3", op: []byte{0xcc}, ext: noModRM})
	add(template{name: "int", op: []byte{0xcd, 0x21}, ext: noModRM})
	for _, op := range []byte{0xe8, 0xf0, 0xf8} {
		add(template{name: "fence", op: []byte{0x0f, 0xae, op}, ext: noModRM})
	}
	return ts
}

// stackTemplates need RSP, and stringTemplates RSI and RDI, to point at the data.
func stackTemplates() (ts []template) {
	add := func(t template) { ts = append(ts, t) }
	add(template{name: "push", op: []byte{0x50}, ext: noModRM, forms: onlyReg})
	add(template{name: "pushw", op: []byte{0x66, 0x50}, ext: noModRM, forms: onlyReg, sizes: "q"})
	add(template{name: "pop", op: []byte{0x58}, ext: noModRM, forms: onlyReg})
	add(template{name: "push", op: []byte{0x68}, ext: noModRM, imm: 'z'})
	add(template{name: "push", op: []byte{0x6a}, ext: noModRM, imm: 'b'})
	add(template{name: "push", op: []byte{0xff}, ext: 6, sizes: "q"})
	add(template{name: "pop", op: []byte{0x8f}, ext: 0, sizes: "q"})
	add(template{name: "pushf", op: []byte{0x9c}, ext: noModRM})
	add(template{name: "pushfw", op: []byte{0x66, 0x9c}, ext: noModRM, sizes: "q"})
	return ts
}

func stringTemplates() (ts []template) {
	for _, pre := range []byte{0, 0xf2, 0xf3} {
		for _, op := range []byte{0xa4, 0xa6, 0xaa, 0xac, 0xae} {
			ts = append(ts, template{name: "string", pre: pre, op: []byte{op}, ext: noModRM, sizes: "b"},
				template{name: "string", pre: pre, op: []byte{op | 1}, ext: noModRM, sizes: "v"})
		}
		ts = append(ts, template{name: "xlat", op: []byte{0xd7}, ext: noModRM})
	}
	return ts
}
