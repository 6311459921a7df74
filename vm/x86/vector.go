package x86

import "encoding/binary"

// A vec is the content of an XMM register, its low half first.
type vec = [2]uint64

// load128 reads 16 bytes, aligned or not.
func (c *CPU) load128(addr uint64, access Access) (vec, bool) {
	e := &c.reads[addr>>12%tlbSize]
	if access != Read {
		e = &c.writes[addr>>12%tlbSize]
	}
	if off := addr & pageMask; e.tag == tagOf(addr) && off <= PageSize-16 {
		return vec{get[uint64](e.data, off), get[uint64](e.data, off+8)}, true
	}
	var b [16]byte
	if !c.loadBytes(addr, b[:], access) {
		return vec{}, false
	}
	return vec{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}, true
}

// store128 writes 16 bytes, aligned or not.
func (c *CPU) store128(addr uint64, v vec) bool {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], v[0])
	binary.LittleEndian.PutUint64(b[8:], v[1])
	return c.storeBytes(addr, b[:])
}

// aligned raises #GP unless the address is a multiple of 16, as most SSE
// instructions want it (SDM vol. 1, 4.1.1).
func (c *CPU) aligned(addr uint64) bool {
	if addr&15 != 0 {
		c.raise(GeneralProtection, 0, 0)
		return false
	}
	return true
}

// vecSource reads the second operand: a register, or size bytes of memory, of
// which 16 must be aligned.
func (c *CPU) vecSource(in *insn) (v vec, ok bool) {
	switch in.size {
	case 0:
		return c.xmm[in.b&15], true
	case 1:
		w, ok := load[uint8](c, c.ea(in), Read)
		return vec{uint64(w)}, ok
	case 2:
		w, ok := load[uint16](c, c.ea(in), Read)
		return vec{uint64(w)}, ok
	case 4:
		w, ok := load[uint32](c, c.ea(in), Read)
		return vec{uint64(w)}, ok
	case 8:
		v[0], ok = load[uint64](c, c.ea(in), Read)
		return v, ok
	}
	addr := c.ea(in)
	if !c.aligned(addr) {
		return v, false
	}
	return c.load128(addr, Read)
}

// each applies f to the lanes of two vectors.
func each[T word](f func(a, b T) T) func(a, b vec) vec {
	w := width[T]()
	return func(a, b vec) (r vec) {
		for h := range r {
			for i := uint64(0); i < 64; i += w {
				r[h] |= uint64(f(T(a[h]>>i), T(b[h]>>i))) << i
			}
		}
		return r
	}
}

// lane reads one of the lanes of a vector.
func lane[T word](v vec, i uint64) T {
	w := width[T]()
	return T(v[i*w/64&1] >> (i * w % 64))
}

// setLane changes one of the lanes of a vector.
func setLane[T word](v *vec, i uint64, x T) {
	w := width[T]()
	h, shift := i*w/64&1, i*w%64
	v[h] = v[h]&^(uint64(^T(0))<<shift) | uint64(x)<<shift
}
