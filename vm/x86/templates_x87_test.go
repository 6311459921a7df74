//go:build linux && amd64

package x86

// x87Templates are the x87 instructions that are exact.
func x87Templates() (ts []template) {
	add := func(op byte, ext int, forms byte) {
		ts = append(ts, template{name: "x87", op: []byte{op}, ext: ext, forms: forms})
	}
	for ext := range 8 {
		for _, op := range []byte{0xd8, 0xda, 0xdc, 0xde} {
			add(op, ext, onlyMem)
		}
		for _, op := range []byte{0xd8, 0xdc} {
			if op == 0xd8 || ext != 2 && ext != 3 {
				add(op, ext, onlyReg)
			}
		}
	}
	for _, ext := range []int{0, 1, 4, 5, 6, 7} {
		add(0xde, ext, onlyReg)
	}
	for op, exts := range map[byte][]int{
		0xd9: {0, 2, 3, 5, 7}, 0xdb: {0, 2, 3, 5, 7}, 0xdd: {0, 2, 3, 7}, 0xdf: {0, 2, 3, 5, 7},
	} {
		for _, ext := range exts {
			add(op, ext, onlyMem)
		}
	}
	for op, exts := range map[byte][]int{
		0xd9: {0, 1}, 0xda: {0, 1, 2, 3}, 0xdb: {0, 1, 2, 3, 5, 6}, 0xdd: {0, 2, 3, 4, 5}, 0xdf: {5, 6},
	} {
		for _, ext := range exts {
			add(op, ext, onlyReg)
		}
	}
	for _, op := range [][]byte{
		{0xde, 0xd9}, {0xda, 0xe9}, {0xdb, 0xe2}, {0xdb, 0xe3}, {0xdf, 0xe0}, {0xd9, 0xd0}, {0xd9, 0xe0}, {0xd9, 0xe1},
		{0xd9, 0xe4}, {0xd9, 0xe5}, {0xd9, 0xe8}, {0xd9, 0xe9}, {0xd9, 0xea}, {0xd9, 0xeb}, {0xd9, 0xec}, {0xd9, 0xed},
		{0xd9, 0xee}, {0xd9, 0xf4}, {0xd9, 0xf5}, {0xd9, 0xf6}, {0xd9, 0xf7}, {0xd9, 0xf8}, {0xd9, 0xfa}, {0xd9, 0xfc},
		{0xd9, 0xfd}, {0x9b},
	} {
		ts = append(ts, template{name: "x87", op: op, ext: noModRM})
	}
	for i, t := range ts {
		op, ext := t.op[0], t.ext
		switch {
		case ext == noModRM:
			if t.op[0] == 0xde || t.op[0] == 0xda || len(t.op) == 2 && t.op[1] == 0xe4 {
				ts[i].name = x87Comparison
			}
		case op&1 == 0 && (ext == 2 || ext == 3) && (t.forms == onlyMem || op != 0xda), // fcom, ficom
			t.forms == onlyReg && (op == 0xdd && ext >= 4 || (op == 0xdb || op == 0xdf) && ext >= 5):
			ts[i].name = x87Comparison
		}
	}
	return ts
}

// x87Comparison names the templates whose condition codes, after an exception
// that is not masked, AMD processors set and Intel's leave (SDM vol. 2, FCOM).
const x87Comparison = "x87 comparison"

// x87Prepare fills the registers of the unit.
func x87Prepare(in *instance, v *values) {
	x := &in.state.X87
	x.SW = uint16(v.raw()) & 0x7f7f // nothing pending, unless it is not masked
	if v.raw()%4 != 0 {
		x.SW &^= 0x3f
	}
	if v.raw()%8 == 0 {
		x.CW = 0x340 | uint16(v.raw())&0x3f
	} else {
		x.CW = 0x37f
	}
	if v.raw()%2 == 0 {
		x.CW = x.CW&^0xc00 | uint16(v.raw())&0xc00
	}
	if v.raw()%4 == 0 {
		x.CW = x.CW&^0x300 | []uint16{0, 0x200, 0x300}[v.raw()%3]
	}
	x.Used = 0xff
	switch v.raw() % 3 {
	case 0:
		x.Used = uint8(v.raw())
	case 1:
		x.Used &^= 1 << (x.physical(7)) // room for a push
	}
	for i := range x.R {
		x.R[i] = v.float80()
	}
	x.summarize()
}

// float80 makes numbers that are hard for the unit.
func (v *values) float80() Float80 {
	r := v.raw()
	f := Float80{Sig: v.next(), SE: uint16(r>>48)&0x8000 | uint16(0x3fff-32+r>>8&63)}
	if r&0x1000000 != 0 {
		f.Sig = v.float(true) << 11
	}
	switch r & 15 {
	case 0:
		f.SE &= 0x8000
	case 1:
		f.SE |= 0x7fff
	case 2:
		f.SE = f.SE&0x8000 | uint16(r>>16)&0x7fff
	case 3:
		f.SE = f.SE&0x8000 | uint16(1+r>>8&3)
	case 4:
		f.SE = f.SE&0x8000 | uint16(0x7ffe-r>>8&3)
	case 5:
		f.SE, f.Sig = f.SE&0x8000, 0
		return f
	case 6:
		f.SE, f.Sig = f.SE|0x7fff, 0
	case 7, 8:
		f.SE = f.SE&0x8000 | uint16(0x3fff+r>>8&3)
	case 9:
		f.SE = f.SE&0x8000 | uint16(0x3fff+r>>8&127)
	}
	if f.SE&0x7fff != 0 && r>>20&15 != 0 {
		f.Sig |= integerBit
	}
	return f
}
