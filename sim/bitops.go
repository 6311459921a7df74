package sim

import (
	"fmt"

	"trapline/sim/graph"
	"trapline/sim/memory"
)

// Flags is an unsigned long that is used bit by bit, as page->flags. The bit
// operations are atomic and steps, but for those that Linux writes with two
// underscores in front: they are plain accesses to the whole word.
type Flags struct {
	x    mixed
	v    uint64
	hist history[uint64]
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
	f.hist.begin(v)
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
func (k *K) SetBit(nr int, f *Flags) { f.rmw(k, opSetBit, memory.Void, nr, 0, bit(nr)) }

// ClearBit is clear_bit(), which orders nothing.
func (k *K) ClearBit(nr int, f *Flags) { f.rmw(k, opClearBit, memory.Void, nr, bit(nr), 0) }

// ChangeBit is change_bit(), which orders nothing.
func (k *K) ChangeBit(nr int, f *Flags) { f.flip(k, opChangeBit, memory.Void, nr) }

// TestAndSetBit is test_and_set_bit(): it says whether the bit was set.
func (k *K) TestAndSetBit(nr int, f *Flags) bool {
	return f.rmw(k, opTestAndSetBit, memory.Full, nr, 0, bit(nr))
}

// TestAndClearBit is test_and_clear_bit(): it says whether the bit was set.
func (k *K) TestAndClearBit(nr int, f *Flags) bool {
	return f.rmw(k, opTestAndClearBit, memory.Full, nr, bit(nr), 0)
}

// TestAndChangeBit is test_and_change_bit(): it says whether the bit was set.
func (k *K) TestAndChangeBit(nr int, f *Flags) bool {
	return f.flip(k, opTestAndChangeBit, memory.Full, nr)
}

// TestAndSetBitLock is test_and_set_bit_lock(): TestAndSetBit for a bit that is
// a lock, which was taken if the bit was not set before.
func (k *K) TestAndSetBitLock(nr int, f *Flags) bool {
	return f.rmw(k, opTestAndSetLock, memory.AcquireRMW, nr, 0, bit(nr))
}

// ClearBitUnlock is clear_bit_unlock(): ClearBit for a bit that is a lock.
func (k *K) ClearBitUnlock(nr int, f *Flags) {
	f.rmw(k, opClearBitUnlock, memory.ReleaseRMW, nr, bit(nr), 0)
}

// SetBitNonatomic is __set_bit(): a lock or another protocol must keep everyone
// else from the whole word, whichever bit they are after.
func (k *K) SetBitNonatomic(nr int, f *Flags) {
	f.plainly(k, 0, bit(nr))
}

// ClearBitNonatomic is __clear_bit(), with the same condition.
func (k *K) ClearBitNonatomic(nr int, f *Flags) {
	f.plainly(k, bit(nr), 0)
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
	var v uint64
	if k.m.weak != nil && !k.setup {
		v = f.hist.value(k.weakLoad(op, &f.x.o, graph.Use{Access: memory.Once}, nil))
		k.remembers(&f.x, Read)
	} else {
		k.StepWait(op, &f.x.o, Read, k.around(&f.x.o))
		k.looked(&f.x.o, Read, f.v)
		f.x.mark(k, Read, 0)
		v = f.v
	}
	k.m.Fold(v)
	if k.Tracing() {
		k.Note("= 0x%x", v)
	}
	return v
}

// plainly clears and sets bits with plain accesses.
func (f *Flags) plainly(k *K, off, on uint64) {
	if k.m.weak != nil && !k.setup && !k.m.aborting {
		old := f.hist.value(k.plainly(&f.x.Data, Read, 0))
		v := old&^off | on
		f.v = f.hist.enter(k, &f.x.o, k.plainly(&f.x.Data, Write, compound), v)
		return
	}
	f.x.plain(k, Write, compound)
	f.v = f.v&^off | on
	f.hist.begin(f.v)
}

// rmw is a step that clears and sets bits. It says whether the bit nr was set.
func (f *Flags) rmw(k *K, op Op, order memory.Order, nr int, off, on uint64) bool {
	return f.change(k, op, order, nr, off, on, 0)
}

func (f *Flags) flip(k *K, op Op, order memory.Order, nr int) bool {
	return f.change(k, op, order, nr, 0, 0, bit(nr))
}

// change is a step that clears, sets and turns bits.
func (f *Flags) change(k *K, op Op, order memory.Order, nr int, off, on, turned uint64) bool {
	if k.m.weak != nil && !k.setup {
		from, own := k.weakRMW(op, &f.x.o, order, func(from graph.Event) (writes, changes bool) {
			old := f.hist.value(from)
			return true, (old&^off|on)^turned != old
		})
		k.remembers(&f.x, Write)
		old := f.hist.value(from)
		v := (old&^off | on) ^ turned
		f.v = f.hist.enter(k, &f.x.o, own, v)
		return f.was(k, nr, old, v)
	}
	w := Wait(0)
	if turned == 0 {
		w = k.around(&f.x.o)
	}
	k.StepWait(op, &f.x.o, Write, w)
	f.x.mark(k, Write, compound)
	old := f.v
	f.v = (old&^off | on) ^ turned
	if f.v == old {
		k.looked(&f.x.o, Write, old)
	}
	f.hist.begin(f.v)
	return f.was(k, nr, old, f.v)
}

// was ends a step that changes the bit nr, and says whether it was set.
func (f *Flags) was(k *K, nr int, old, v uint64) bool {
	k.m.Fold(old)
	k.m.Fold(v)
	if k.Tracing() {
		k.Note("bit %d: 0x%x -> 0x%x", nr, old, v)
	}
	return old&bit(nr) != 0
}
