package sim

import "fmt"

// Bitfield is the storage unit that bit-fields of a struct in C share. There are
// no atomic accesses to a bit-field: to set one is to read the unit, change it and
// write it back, so that two fields that are protected by different locks are a
// data race all the same.
type Bitfield struct {
	d Data
	v uint64
}

// Bits is one bit-field: the place of its lowest bit in the unit, and its width
// in bits. Fields are unsigned.
type Bits struct{ Shift, Width int }

// Init names the unit, in which every field is 0. It is to be called by the task
// that makes it, before anything uses it.
func (b *Bitfield) Init(k *K, name string) {
	b.d.Init(k, name)
	b.v = 0
	b.d.o.content = b
}

func (b *Bitfield) content(Mode) uint64 { return b.v }

// In places the unit inside an allocation.
func (b *Bitfield) In(life *Life) { b.d.In(life) }

// Get reads a field, and with it the unit.
func (b *Bitfield) Get(k *K, f Bits) uint64 {
	b.d.Read(k)
	return b.Peek(f)
}

// Set changes a field, and writes the rest of the unit back as it was. What of v
// does not fit is lost.
func (b *Bitfield) Set(k *K, f Bits, v uint64) {
	b.d.change(k, compound)
	b.v = b.v&^f.mask() | v<<f.Shift&f.mask()
}

// Peek is the value of a field, for checks when everything is quiet: it is not
// an access.
func (b *Bitfield) Peek(f Bits) uint64 { return b.v & f.mask() >> f.Shift }

func (f Bits) mask() uint64 {
	if f.Shift < 0 || f.Width < 1 || f.Shift+f.Width > 64 {
		panic(fmt.Sprintf("sim: no unit has a bit-field of %d bits at bit %d", f.Width, f.Shift))
	}
	return ^uint64(0) >> (64 - f.Width) << f.Shift
}
