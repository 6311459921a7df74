//go:build linux && amd64

package x86

// vectorTemplates are the SSE and SSE2 instructions that do not compute with
// floating-point numbers.
func vectorTemplates() (ts []template) {
	add := func(t template) {
		t.op = append([]byte{0x0f}, t.op...)
		ts = append(ts, t)
	}
	for _, op := range []byte{
		0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x74, 0x75, 0x76,
		0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5,
		0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
	} {
		add(template{name: "packed integers", pre: 0x66, op: []byte{op}, ext: anyReg, align: true})
	}
	for _, op := range []byte{0x14, 0x15, 0x54, 0x55, 0x56, 0x57} {
		for _, pre := range []byte{0, 0x66} {
			add(template{name: "logic and unpack", pre: pre, op: []byte{op}, ext: anyReg, align: true})
		}
	}
	for _, g := range []struct {
		op   byte
		exts []int
	}{{0x71, []int{2, 4, 6}}, {0x72, []int{2, 4, 6}}, {0x73, []int{2, 3, 6, 7}}} {
		for _, ext := range g.exts {
			add(template{name: "shift", pre: 0x66, op: []byte{g.op}, ext: ext, forms: onlyReg, imm: 'b'})
		}
	}
	for _, pre := range []byte{0x66, 0xf2, 0xf3} {
		add(template{name: "pshuf", pre: pre, op: []byte{0x70}, ext: anyReg, imm: 'b', align: true})
	}
	for _, pre := range []byte{0, 0x66} {
		add(template{name: "shufp", pre: pre, op: []byte{0xc6}, ext: anyReg, imm: 'b', align: true})
		for _, op := range []byte{0x28, 0x29} {
			add(template{name: "movap", pre: pre, op: []byte{op}, ext: anyReg, align: true})
		}
		for _, op := range []byte{0x12, 0x13, 0x16, 0x17} {
			add(template{name: "half", pre: pre, op: []byte{op}, ext: anyReg, forms: onlyMem})
		}
		add(template{name: "movnt", pre: pre, op: []byte{0x2b}, ext: anyReg, forms: onlyMem, align: true})
		add(template{name: "movmsk", pre: pre, op: []byte{0x50}, ext: anyReg, forms: onlyReg})
	}
	for _, op := range []byte{0x12, 0x16} {
		add(template{name: "movhl", op: []byte{op}, ext: anyReg, forms: onlyReg})
	}
	for _, pre := range []byte{0, 0x66, 0xf2, 0xf3} {
		for _, op := range []byte{0x10, 0x11} {
			add(template{name: "movu", pre: pre, op: []byte{op}, ext: anyReg})
		}
	}
	for _, op := range []byte{0x6f, 0x7f} {
		add(template{name: "movdqa", pre: 0x66, op: []byte{op}, ext: anyReg, align: true})
		add(template{name: "movdqu", pre: 0xf3, op: []byte{op}, ext: anyReg})
	}
	for _, op := range []byte{0x6e, 0x7e} {
		add(template{name: "movd", pre: 0x66, op: []byte{op}, ext: anyReg, sizes: "y"})
	}
	add(template{name: "movq", pre: 0xf3, op: []byte{0x7e}, ext: anyReg})
	add(template{name: "movq", pre: 0x66, op: []byte{0xd6}, ext: anyReg})
	add(template{name: "movntdq", pre: 0x66, op: []byte{0xe7}, ext: anyReg, forms: onlyMem, align: true})
	add(template{name: "pmovmskb", pre: 0x66, op: []byte{0xd7}, ext: anyReg, forms: onlyReg})
	add(template{name: "pextrw", pre: 0x66, op: []byte{0xc5}, ext: anyReg, forms: onlyReg, imm: 'b'})
	add(template{name: "pinsrw", pre: 0x66, op: []byte{0xc4}, ext: anyReg, imm: 'b'})
	add(template{name: "maskmovdqu", pre: 0x66, op: []byte{0xf7}, ext: anyReg, forms: onlyReg})
	add(template{name: "ldmxcsr", op: []byte{0xae}, ext: 2, forms: onlyMem})
	add(template{name: "stmxcsr", op: []byte{0xae}, ext: 3, forms: onlyMem})
	return ts
}

// floatTemplates are the SSE and SSE2 instructions that do.
func floatTemplates() (ts []template) {
	add := func(t template) {
		t.op = append([]byte{0x0f}, t.op...)
		ts = append(ts, t)
	}
	for _, op := range []byte{0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f} {
		for _, pre := range []byte{0, 0x66, 0xf2, 0xf3} {
			add(template{name: "arithmetic", pre: pre, op: []byte{op}, ext: anyReg, align: pre == 0 || pre == 0x66})
		}
	}
	for _, pre := range []byte{0, 0x66, 0xf2, 0xf3} {
		add(template{name: "cmp", pre: pre, op: []byte{0xc2}, ext: anyReg, imm: 'b', align: pre == 0 || pre == 0x66})
		add(template{name: "convert", pre: pre, op: []byte{0x5a}, ext: anyReg, align: pre == 0x66})
	}
	for _, pre := range []byte{0, 0x66} {
		for _, op := range []byte{0x2e, 0x2f} {
			add(template{name: "comis", pre: pre, op: []byte{op}, ext: anyReg})
		}
	}
	for _, pre := range []byte{0xf2, 0xf3} {
		for _, op := range []byte{0x2a, 0x2c, 0x2d} {
			add(template{name: "cvt scalar integer", pre: pre, op: []byte{op}, ext: anyReg, sizes: "y"})
		}
	}
	for _, pre := range []byte{0, 0x66, 0xf3} {
		add(template{name: "cvt packed integer", pre: pre, op: []byte{0x5b}, ext: anyReg, align: true})
	}
	add(template{name: "cvtdq2pd", pre: 0xf3, op: []byte{0xe6}, ext: anyReg})
	add(template{name: "cvtpd2dq", pre: 0xf2, op: []byte{0xe6}, ext: anyReg, align: true})
	add(template{name: "cvttpd2dq", pre: 0x66, op: []byte{0xe6}, ext: anyReg, align: true})
	return ts
}
