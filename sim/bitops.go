package sim

import "fmt"

// Flags is an unsigned long that is used bit by bit, as page->flags. The bit
// operations are atomic and steps, but for those that Linux writes with two
// underscores in front: they are plain accesses to the whole word.
type Flags struct {
	x mixed
	v uint64
}

var (
	opTestBit          = NewOp("test_bit(&%s)")
	opSetBit           = NewOp("set_bit(&%s)")
	opClearBit         = NewOp("clear_bit(&%s)")
	opChangeBit        = NewOp("change_bit(&%s)")
	opTestAndSetBit    = NewOp("test_and_set_bit(&%s)")
	opTestAndClearBit  = NewOp("test_and_clear_bit(&%s)")
	opTestAndChangeBit = NewOp("test_and_change_bit(&%s)")
	opTestAndSetLock   = NewOp("test_and_set_bit_lock(&%s)")
	opClearBitUnlock   = NewOp("clear_bit_unlock(&%s)")
)

// Init names the word and sets its first value. It is not a step.
func (f *Flags) Init(k *K, name string, v uint64) {
	f.x = mixed{}
	f.x.Init(k, name)
	f.v = v
	f.x.o.content = f
}

func (f *Flags) content(Mode) uint64 { return f.v }

// In places the word inside an allocation.
func (f *Flags) In(life *Life) { f.x.In(life) }

// Read is READ_ONCE() of the whole word.
func (f *Flags) Read(k *K) uint64 {
	return f.look(k, opReadOnce)
}

// Peek is the value of the word, for checks when everything is quiet: it is not
// an access.
func (f *Flags) Peek() uint64 { return f.v }

// TestBit is test_bit().
func (k *K) TestBit(nr int, f *Flags) bool {
	return f.look(k, opTestBit)&bit(nr) != 0
}

// SetBit is set_bit(), which orders nothing.
func (k *K) SetBit(nr int, f *Flags) { f.rmw(k, opSetBit, nr, 0, bit(nr)) }

// ClearBit is clear_bit(), which orders nothing.
func (k *K) ClearBit(nr int, f *Flags) { f.rmw(k, opClearBit, nr, bit(nr), 0) }

// ChangeBit is change_bit(), which orders nothing.
func (k *K) ChangeBit(nr int, f *Flags) { f.flip(k, opChangeBit, nr) }

// TestAndSetBit is test_and_set_bit(): it says whether the bit was set.
func (k *K) TestAndSetBit(nr int, f *Flags) bool {
	return f.rmw(k, opTestAndSetBit, nr, 0, bit(nr))
}

// TestAndClearBit is test_and_clear_bit(): it says whether the bit was set.
func (k *K) TestAndClearBit(nr int, f *Flags) bool {
	return f.rmw(k, opTestAndClearBit, nr, bit(nr), 0)
}

// TestAndChangeBit is test_and_change_bit(): it says whether the bit was set.
func (k *K) TestAndChangeBit(nr int, f *Flags) bool { return f.flip(k, opTestAndChangeBit, nr) }

// TestAndSetBitLock is test_and_set_bit_lock(): TestAndSetBit for a bit that is
// a lock, which was taken if the bit was not set before.
func (k *K) TestAndSetBitLock(nr int, f *Flags) bool {
	return f.rmw(k, opTestAndSetLock, nr, 0, bit(nr))
}

// ClearBitUnlock is clear_bit_unlock(): ClearBit for a bit that is a lock.
func (k *K) ClearBitUnlock(nr int, f *Flags) { f.rmw(k, opClearBitUnlock, nr, bit(nr), 0) }

// SetBitNonatomic is __set_bit(): a lock or another protocol must keep everyone
// else from the whole word, whichever bit they are after.
func (k *K) SetBitNonatomic(nr int, f *Flags) {
	f.x.plain(k, Write, compound)
	f.v |= bit(nr)
}

// ClearBitNonatomic is __clear_bit(), with the same condition.
func (k *K) ClearBitNonatomic(nr int, f *Flags) {
	f.x.plain(k, Write, compound)
	f.v &^= bit(nr)
}

// bit is BIT().
func bit(nr int) uint64 {
	if nr < 0 || nr > 63 {
		panic(fmt.Sprintf("sim: there is no bit %d in a word of flags", nr))
	}
	return 1 << nr
}

// look is a step that reads the word.
func (f *Flags) look(k *K, op Op) uint64 {
	k.StepWait(op, &f.x.o, Read, k.around(&f.x.o))
	k.looked(&f.x.o, Read, f.v)
	f.x.mark(k, Read, 0)
	k.m.Fold(f.v)
	if k.Tracing() {
		k.Note("= 0x%x", f.v)
	}
	return f.v
}

// rmw is a step that clears and sets bits. It says whether the bit nr was set.
func (f *Flags) rmw(k *K, op Op, nr int, off, on uint64) bool {
	k.StepWait(op, &f.x.o, Write, k.around(&f.x.o))
	return f.update(k, nr, f.v&^off|on)
}

func (f *Flags) flip(k *K, op Op, nr int) bool {
	k.Step(op, &f.x.o, Write)
	return f.update(k, nr, f.v^bit(nr))
}

// update is the rest of a step that changes the bit nr to what it is in v.
func (f *Flags) update(k *K, nr int, v uint64) bool {
	f.x.mark(k, Write, compound)
	old := f.v
	f.v = v
	if v == old {
		k.looked(&f.x.o, Write, v)
	}
	k.m.Fold(old)
	k.m.Fold(v)
	if k.Tracing() {
		k.Note("bit %d: 0x%x -> 0x%x", nr, old, v)
	}
	return old&bit(nr) != 0
}
