package sim

import (
	"trapline/sim/graph"
	"trapline/sim/memory"
)

// AtomicOf is a counter that is read, changed and written in one step: see
// [AtomicInt] and [AtomicLong]. It wraps around as the type in C does. Like those of
// a [Word], its verbs belong to it and not to K.
//
// Operations that return something are full barriers in Linux, those that return
// nothing order nothing, and the forms Relaxed, Acquire and Release say
// what they order. Under sequential consistency all give the same order. An operation with a condition that does not hold changes
// nothing, but is taken for a write: nobody knows before.
type AtomicOf[T int32 | int64] struct {
	o    Object
	v    T
	past past[T]
	hist history[T]
}

// AtomicInt is atomic_t.
type AtomicInt = AtomicOf[int32]

// AtomicLong is atomic_long_t.
type AtomicLong = AtomicOf[int64]

// verb is one operation, on an atomic_t and on an atomic_long_t.
type verb [2]Op

func newVerb(call string) verb {
	return verb{NewOp("atomic_" + call + "(&%s)"), NewOp("atomic_long_" + call + "(&%s)")}
}

func newStoreVerb(call string) verb {
	return verb{newStoreOp("atomic_" + call + "(&%s)"), newStoreOp("atomic_long_" + call + "(&%s)")}
}

var (
	atomicRead              = newVerb("read")
	atomicReadAcquire       = newVerb("read_acquire")
	atomicSet               = newStoreVerb("set")
	atomicSetRelease        = newStoreVerb("set_release")
	atomicAdd               = newVerb("add")
	atomicSub               = newVerb("sub")
	atomicInc               = newVerb("inc")
	atomicDec               = newVerb("dec")
	atomicAnd               = newVerb("and")
	atomicOr                = newVerb("or")
	atomicXor               = newVerb("xor")
	atomicAndnot            = newVerb("andnot")
	atomicAddReturn         = newVerb("add_return")
	atomicAddReturnRelaxed  = newVerb("add_return_relaxed")
	atomicAddReturnAcquire  = newVerb("add_return_acquire")
	atomicAddReturnRelease  = newVerb("add_return_release")
	atomicSubReturn         = newVerb("sub_return")
	atomicSubReturnRelease  = newVerb("sub_return_release")
	atomicIncReturn         = newVerb("inc_return")
	atomicIncReturnRelaxed  = newVerb("inc_return_relaxed")
	atomicIncReturnAcquire  = newVerb("inc_return_acquire")
	atomicDecReturn         = newVerb("dec_return")
	atomicDecReturnRelease  = newVerb("dec_return_release")
	atomicFetchAdd          = newVerb("fetch_add")
	atomicFetchAddRelaxed   = newVerb("fetch_add_relaxed")
	atomicFetchAddAcquire   = newVerb("fetch_add_acquire")
	atomicFetchAddRelease   = newVerb("fetch_add_release")
	atomicFetchSub          = newVerb("fetch_sub")
	atomicFetchSubRelease   = newVerb("fetch_sub_release")
	atomicFetchInc          = newVerb("fetch_inc")
	atomicFetchDec          = newVerb("fetch_dec")
	atomicFetchAnd          = newVerb("fetch_and")
	atomicFetchOr           = newVerb("fetch_or")
	atomicFetchOrRelaxed    = newVerb("fetch_or_relaxed")
	atomicFetchOrAcquire    = newVerb("fetch_or_acquire")
	atomicFetchXor          = newVerb("fetch_xor")
	atomicFetchAndnot       = newVerb("fetch_andnot")
	atomicFetchAndnotRelax  = newVerb("fetch_andnot_relaxed")
	atomicFetchAndnotRel    = newVerb("fetch_andnot_release")
	atomicXchg              = newVerb("xchg")
	atomicXchgRelaxed       = newVerb("xchg_relaxed")
	atomicXchgAcquire       = newVerb("xchg_acquire")
	atomicXchgRelease       = newVerb("xchg_release")
	atomicCmpxchg           = newVerb("cmpxchg")
	atomicCmpxchgRelaxed    = newVerb("cmpxchg_relaxed")
	atomicCmpxchgAcquire    = newVerb("cmpxchg_acquire")
	atomicCmpxchgRelease    = newVerb("cmpxchg_release")
	atomicTryCmpxchg        = newVerb("try_cmpxchg")
	atomicTryCmpxchgRelaxed = newVerb("try_cmpxchg_relaxed")
	atomicTryCmpxchgAcquire = newVerb("try_cmpxchg_acquire")
	atomicTryCmpxchgRelease = newVerb("try_cmpxchg_release")
	atomicIncNotZero        = newVerb("inc_not_zero")
	atomicAddUnless         = newVerb("add_unless")
	atomicFetchAddUnless    = newVerb("fetch_add_unless")
	atomicDecIfPositive     = newVerb("dec_if_positive")
	atomicAddNegative       = newVerb("add_negative")
	atomicSubAndTest        = newVerb("sub_and_test")
	atomicDecAndTest        = newVerb("dec_and_test")
	atomicIncAndTest        = newVerb("inc_and_test")
)

// Init names the counter and sets its first value, as ATOMIC_INIT() does. It is
// not a step.
func (a *AtomicOf[T]) Init(k *K, name string, v T) {
	a.o.init(k, name)
	a.v, a.past = v, a.past[:0]
	a.hist.begin(v)
	a.o.content = a
}

func (a *AtomicOf[T]) content(by Mode) uint64 {
	if by == Add {
		return 0 // who only adds learns nothing
	}
	return uint64(a.v)
}

// In places the counter inside an allocation.
func (a *AtomicOf[T]) In(life *Life) { a.o.In(life) }

// Peek is the value of the counter, for checks when everything is quiet: it is
// not an access.
func (a *AtomicOf[T]) Peek() T { return a.v }

// Read is atomic_read().
func (a *AtomicOf[T]) Read(k *K) T { return a.load(k, atomicRead, memory.Once) }

// ReadAcquire is atomic_read_acquire().
func (a *AtomicOf[T]) ReadAcquire(k *K) T { return a.load(k, atomicReadAcquire, memory.Acquire) }

// Set is atomic_set(), a plain store: it returns nothing and orders nothing.
func (a *AtomicOf[T]) Set(k *K, v T) { a.store(k, atomicSet, memory.Once, v) }

// SetRelease is atomic_set_release().
func (a *AtomicOf[T]) SetRelease(k *K, v T) { a.store(k, atomicSetRelease, memory.Release, v) }

// Add is atomic_add().
func (a *AtomicOf[T]) Add(k *K, i T) { a.raise(k, atomicAdd, i) }

// Sub is atomic_sub().
func (a *AtomicOf[T]) Sub(k *K, i T) { a.raise(k, atomicSub, -i) }

// Inc is atomic_inc().
func (a *AtomicOf[T]) Inc(k *K) { a.raise(k, atomicInc, 1) }

// Dec is atomic_dec().
func (a *AtomicOf[T]) Dec(k *K) { a.raise(k, atomicDec, -1) }

// And is atomic_and().
func (a *AtomicOf[T]) And(k *K, i T) { a.rmw(k, atomicAnd, memory.Void, change[T]{ands, i, 0}) }

// Or is atomic_or().
func (a *AtomicOf[T]) Or(k *K, i T) { a.rmw(k, atomicOr, memory.Void, change[T]{ors, i, 0}) }

// Xor is atomic_xor().
func (a *AtomicOf[T]) Xor(k *K, i T) { a.rmw(k, atomicXor, memory.Void, change[T]{xors, i, 0}) }

// Andnot is atomic_andnot(): it clears the bits that are set in i.
func (a *AtomicOf[T]) Andnot(k *K, i T) { a.rmw(k, atomicAndnot, memory.Void, change[T]{clears, i, 0}) }

// AddReturn is atomic_add_return(): it returns the new value.
func (a *AtomicOf[T]) AddReturn(k *K, i T) T { return a.add(k, atomicAddReturn, memory.Full, i) + i }

// AddReturnRelaxed is atomic_add_return_relaxed().
func (a *AtomicOf[T]) AddReturnRelaxed(k *K, i T) T {
	return a.add(k, atomicAddReturnRelaxed, memory.Relaxed, i) + i
}

// AddReturnAcquire is atomic_add_return_acquire().
func (a *AtomicOf[T]) AddReturnAcquire(k *K, i T) T {
	return a.add(k, atomicAddReturnAcquire, memory.AcquireRMW, i) + i
}

// AddReturnRelease is atomic_add_return_release().
func (a *AtomicOf[T]) AddReturnRelease(k *K, i T) T {
	return a.add(k, atomicAddReturnRelease, memory.ReleaseRMW, i) + i
}

// SubReturn is atomic_sub_return(): it returns the new value.
func (a *AtomicOf[T]) SubReturn(k *K, i T) T { return a.add(k, atomicSubReturn, memory.Full, -i) - i }

// SubReturnRelease is atomic_sub_return_release().
func (a *AtomicOf[T]) SubReturnRelease(k *K, i T) T {
	return a.add(k, atomicSubReturnRelease, memory.ReleaseRMW, -i) - i
}

// IncReturn is atomic_inc_return(): it returns the new value.
func (a *AtomicOf[T]) IncReturn(k *K) T { return a.add(k, atomicIncReturn, memory.Full, 1) + 1 }

// IncReturnRelaxed is atomic_inc_return_relaxed().
func (a *AtomicOf[T]) IncReturnRelaxed(k *K) T {
	return a.add(k, atomicIncReturnRelaxed, memory.Relaxed, 1) + 1
}

// IncReturnAcquire is atomic_inc_return_acquire().
func (a *AtomicOf[T]) IncReturnAcquire(k *K) T {
	return a.add(k, atomicIncReturnAcquire, memory.AcquireRMW, 1) + 1
}

// DecReturn is atomic_dec_return(): it returns the new value.
func (a *AtomicOf[T]) DecReturn(k *K) T { return a.add(k, atomicDecReturn, memory.Full, -1) - 1 }

// DecReturnRelease is atomic_dec_return_release().
func (a *AtomicOf[T]) DecReturnRelease(k *K) T {
	return a.add(k, atomicDecReturnRelease, memory.ReleaseRMW, -1) - 1
}

// FetchAdd is atomic_fetch_add(): it returns the value before.
func (a *AtomicOf[T]) FetchAdd(k *K, i T) T { return a.add(k, atomicFetchAdd, memory.Full, i) }

// FetchAddRelaxed is atomic_fetch_add_relaxed().
func (a *AtomicOf[T]) FetchAddRelaxed(k *K, i T) T {
	return a.add(k, atomicFetchAddRelaxed, memory.Relaxed, i)
}

// FetchAddAcquire is atomic_fetch_add_acquire().
func (a *AtomicOf[T]) FetchAddAcquire(k *K, i T) T {
	return a.add(k, atomicFetchAddAcquire, memory.AcquireRMW, i)
}

// FetchAddRelease is atomic_fetch_add_release().
func (a *AtomicOf[T]) FetchAddRelease(k *K, i T) T {
	return a.add(k, atomicFetchAddRelease, memory.ReleaseRMW, i)
}

// FetchSub is atomic_fetch_sub(): it returns the value before.
func (a *AtomicOf[T]) FetchSub(k *K, i T) T { return a.add(k, atomicFetchSub, memory.Full, -i) }

// FetchSubRelease is atomic_fetch_sub_release().
func (a *AtomicOf[T]) FetchSubRelease(k *K, i T) T {
	return a.add(k, atomicFetchSubRelease, memory.ReleaseRMW, -i)
}

// FetchInc is atomic_fetch_inc(): it returns the value before.
func (a *AtomicOf[T]) FetchInc(k *K) T { return a.add(k, atomicFetchInc, memory.Full, 1) }

// FetchDec is atomic_fetch_dec(): it returns the value before.
func (a *AtomicOf[T]) FetchDec(k *K) T { return a.add(k, atomicFetchDec, memory.Full, -1) }

// FetchAnd is atomic_fetch_and(): it returns the value before.
func (a *AtomicOf[T]) FetchAnd(k *K, i T) T {
	return a.rmw(k, atomicFetchAnd, memory.Full, change[T]{ands, i, 0})
}

// FetchOr is atomic_fetch_or(): it returns the value before.
func (a *AtomicOf[T]) FetchOr(k *K, i T) T {
	return a.rmw(k, atomicFetchOr, memory.Full, change[T]{ors, i, 0})
}

// FetchOrRelaxed is atomic_fetch_or_relaxed().
func (a *AtomicOf[T]) FetchOrRelaxed(k *K, i T) T {
	return a.rmw(k, atomicFetchOrRelaxed, memory.Relaxed, change[T]{ors, i, 0})
}

// FetchOrAcquire is atomic_fetch_or_acquire().
func (a *AtomicOf[T]) FetchOrAcquire(k *K, i T) T {
	return a.rmw(k, atomicFetchOrAcquire, memory.AcquireRMW, change[T]{ors, i, 0})
}

// FetchXor is atomic_fetch_xor(): it returns the value before.
func (a *AtomicOf[T]) FetchXor(k *K, i T) T {
	return a.rmw(k, atomicFetchXor, memory.Full, change[T]{xors, i, 0})
}

// FetchAndnot is atomic_fetch_andnot(): it returns the value before.
func (a *AtomicOf[T]) FetchAndnot(k *K, i T) T {
	return a.rmw(k, atomicFetchAndnot, memory.Full, change[T]{clears, i, 0})
}

// FetchAndnotRelaxed is atomic_fetch_andnot_relaxed().
func (a *AtomicOf[T]) FetchAndnotRelaxed(k *K, i T) T {
	return a.rmw(k, atomicFetchAndnotRelax, memory.Relaxed, change[T]{clears, i, 0})
}

// FetchAndnotRelease is atomic_fetch_andnot_release().
func (a *AtomicOf[T]) FetchAndnotRelease(k *K, i T) T {
	return a.rmw(k, atomicFetchAndnotRel, memory.ReleaseRMW, change[T]{clears, i, 0})
}

// Xchg is atomic_xchg(): it sets the counter and returns the value before.
func (a *AtomicOf[T]) Xchg(k *K, v T) T { return a.xchg(k, atomicXchg, memory.Full, v) }

// XchgRelaxed is atomic_xchg_relaxed().
func (a *AtomicOf[T]) XchgRelaxed(k *K, v T) T {
	return a.xchg(k, atomicXchgRelaxed, memory.Relaxed, v)
}

// XchgAcquire is atomic_xchg_acquire().
func (a *AtomicOf[T]) XchgAcquire(k *K, v T) T {
	return a.xchg(k, atomicXchgAcquire, memory.AcquireRMW, v)
}

// XchgRelease is atomic_xchg_release().
func (a *AtomicOf[T]) XchgRelease(k *K, v T) T {
	return a.xchg(k, atomicXchgRelease, memory.ReleaseRMW, v)
}

// Cmpxchg is atomic_cmpxchg(): it sets the counter to v if it holds old, and
// returns what it held.
func (a *AtomicOf[T]) Cmpxchg(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchg, memory.Full, old, v)
}

// CmpxchgRelaxed is atomic_cmpxchg_relaxed().
func (a *AtomicOf[T]) CmpxchgRelaxed(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchgRelaxed, memory.Relaxed, old, v)
}

// CmpxchgAcquire is atomic_cmpxchg_acquire().
func (a *AtomicOf[T]) CmpxchgAcquire(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchgAcquire, memory.AcquireRMW, old, v)
}

// CmpxchgRelease is atomic_cmpxchg_release().
func (a *AtomicOf[T]) CmpxchgRelease(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchgRelease, memory.ReleaseRMW, old, v)
}

// TryCmpxchg is atomic_try_cmpxchg(): it sets the counter to v if it holds *old,
// and says whether it did; if not, *old is then what it holds.
func (a *AtomicOf[T]) TryCmpxchg(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchg, memory.Full, old, v)
}

// TryCmpxchgRelaxed is atomic_try_cmpxchg_relaxed().
func (a *AtomicOf[T]) TryCmpxchgRelaxed(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchgRelaxed, memory.Relaxed, old, v)
}

// TryCmpxchgAcquire is atomic_try_cmpxchg_acquire().
func (a *AtomicOf[T]) TryCmpxchgAcquire(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchgAcquire, memory.AcquireRMW, old, v)
}

// TryCmpxchgRelease is atomic_try_cmpxchg_release().
func (a *AtomicOf[T]) TryCmpxchgRelease(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchgRelease, memory.ReleaseRMW, old, v)
}

// IncNotZero is atomic_inc_not_zero(): it raises the counter unless it is zero,
// and says whether it did.
func (a *AtomicOf[T]) IncNotZero(k *K) bool { return a.addUnless(k, atomicIncNotZero, 1, 0) != 0 }

// AddUnless is atomic_add_unless(): it adds i unless the counter is u, and says
// whether it did.
func (a *AtomicOf[T]) AddUnless(k *K, i, u T) bool { return a.addUnless(k, atomicAddUnless, i, u) != u }

// FetchAddUnless is atomic_fetch_add_unless(): AddUnless that returns the value
// before.
func (a *AtomicOf[T]) FetchAddUnless(k *K, i, u T) T {
	return a.addUnless(k, atomicFetchAddUnless, i, u)
}

// DecIfPositive is atomic_dec_if_positive(): it lowers the counter if it is
// positive, and returns the value before less one, whether it did or not.
func (a *AtomicOf[T]) DecIfPositive(k *K) T {
	return a.rmw(k, atomicDecIfPositive, memory.Full, change[T]{lowers, 1, 0}) - 1
}

// AddNegative is atomic_add_negative(): it adds i and says whether the new value
// is negative.
func (a *AtomicOf[T]) AddNegative(k *K, i T) bool {
	return a.add(k, atomicAddNegative, memory.Full, i)+i < 0
}

// SubAndTest is atomic_sub_and_test(): it says whether the new value is zero.
func (a *AtomicOf[T]) SubAndTest(k *K, i T) bool {
	return a.add(k, atomicSubAndTest, memory.Full, -i) == i
}

// DecAndTest is atomic_dec_and_test(): it says whether the new value is zero.
func (a *AtomicOf[T]) DecAndTest(k *K) bool { return a.add(k, atomicDecAndTest, memory.Full, -1) == 1 }

// IncAndTest is atomic_inc_and_test(): it says whether the new value is zero.
func (a *AtomicOf[T]) IncAndTest(k *K) bool { return a.add(k, atomicIncAndTest, memory.Full, 1) == -1 }

// op is the operation on this type of counter.
func (a *AtomicOf[T]) op(v verb) Op {
	if _, long := any(a.v).(int64); long {
		return v[1]
	}
	return v[0]
}

func (a *AtomicOf[T]) load(k *K, v verb, access memory.Access) T {
	if k.m.weak != nil {
		return a.seen(k, k.weakLoad(a.op(v), &a.o, graph.Use{Access: access}, nil))
	}
	k.StepWait(a.op(v), &a.o, Read, k.around(&a.o))
	k.looked(&a.o, Read, uint64(a.v))
	return a.saw(k, a.v)
}

// seen ends a load that read from a store.
func (a *AtomicOf[T]) seen(k *K, from graph.Event) T { return a.saw(k, a.hist.value(from)) }

// saw ends a load.
func (a *AtomicOf[T]) saw(k *K, v T) T {
	k.m.Fold(uint64(v))
	if k.Tracing() {
		k.Note("= %d", v)
	}
	return v
}

func (a *AtomicOf[T]) store(k *K, verb verb, access memory.Access, v T) {
	if k.m.weak != nil && !k.setup {
		e := k.weakStore(a.op(verb), &a.o, access)
		a.v = a.hist.enter(k, &a.o, e, v)
	} else {
		k.Step(a.op(verb), &a.o, Write)
		a.past.add(k, &a.o, a.v)
		a.v = v
		a.hist.begin(v)
	}
	k.m.Fold(uint64(v))
	if k.Tracing() {
		k.Note("<- %d", v)
	}
}

// change is what a read-modify-write does to the value.
type change[T int32 | int64] struct {
	kind    changeKind
	i       T
	decides T // the value that decides, of those that have one
}

type changeKind uint8

const (
	adds changeKind = iota
	ands
	ors
	xors
	clears
	sets
	setsIf     // the value is decides
	addsUnless // it is
	lowers     // what results is not negative
)

// of is the value after the change, and whether it is stored.
func (c change[T]) of(old T) (T, bool) {
	switch c.kind {
	case adds:
		return old + c.i, true
	case ands:
		return old & c.i, true
	case ors:
		return old | c.i, true
	case xors:
		return old ^ c.i, true
	case clears:
		return old &^ c.i, true
	case sets:
		return c.i, true
	case setsIf:
		return c.i, old == c.decides
	case addsUnless:
		return old + c.i, old != c.decides
	default:
		return old - c.i, old-c.i >= 0
	}
}

// rmw is a read-modify-write, and returns the value before.
func (a *AtomicOf[T]) rmw(k *K, v verb, order memory.Order, c change[T]) T {
	if k.m.weak != nil && !k.setup {
		return a.weakRMW(k, v, order, c)
	}
	k.StepWait(a.op(v), &a.o, Write, k.around(&a.o))
	k.m.Fold(uint64(a.v))
	old := a.v
	next, writes := c.of(old)
	if !writes {
		next = old
	}
	if next == old {
		k.looked(&a.o, Write, uint64(old))
	} else {
		a.past.add(k, &a.o, old)
	}
	a.v = next
	a.hist.begin(next)
	return a.changed(k, old, next)
}

// changed ends a read-modify-write, and returns the value before.
func (a *AtomicOf[T]) changed(k *K, old, v T) T {
	k.m.Fold(uint64(v))
	if k.Tracing() {
		k.Note("%d -> %d", old, v)
	}
	return old
}

// weakRMW is rmw with a model other than SC.
func (a *AtomicOf[T]) weakRMW(k *K, v verb, order memory.Order, c change[T]) T {
	from, own := k.weakRMW(a.op(v), &a.o, order, func(from graph.Event) (writes, changes bool) {
		old := a.hist.value(from)
		next, writes := c.of(old)
		return writes, next != old
	})
	old := a.hist.value(from)
	k.m.Fold(uint64(old))
	next, writes := c.of(old)
	if !writes {
		return a.changed(k, old, old)
	}
	a.v = a.hist.enter(k, &a.o, own, next)
	return a.changed(k, old, next)
}

// add adds i and returns the value before.
func (a *AtomicOf[T]) add(k *K, v verb, order memory.Order, i T) T {
	return a.rmw(k, v, order, change[T]{adds, i, 0})
}

// raise adds i for somebody who learns nothing of the value. The trace hash takes
// the amount only, so that it is the same whether or not raising commutes.
func (a *AtomicOf[T]) raise(k *K, v verb, i T) {
	if k.m.weak != nil && !k.setup {
		a.weakRMW(k, v, memory.Void, change[T]{adds, i, 0})
		return
	}
	k.Step(a.op(v), &a.o, k.m.adding())
	a.past.add(k, &a.o, a.v)
	k.m.Fold(uint64(i))
	if k.Tracing() {
		k.Note("%d -> %d", a.v, a.v+i)
	}
	a.v += i
	a.hist.begin(a.v)
}

func (a *AtomicOf[T]) xchg(k *K, verb verb, order memory.Order, v T) T {
	return a.rmw(k, verb, order, change[T]{sets, v, 0})
}

func (a *AtomicOf[T]) cmpxchg(k *K, verb verb, order memory.Order, old, v T) T {
	return a.rmw(k, verb, order, change[T]{setsIf, v, old})
}

func (a *AtomicOf[T]) tryCmpxchg(k *K, verb verb, order memory.Order, old *T, v T) bool {
	was := a.cmpxchg(k, verb, order, *old, v)
	ok := was == *old
	*old = was
	return ok
}

func (a *AtomicOf[T]) addUnless(k *K, v verb, i, unless T) T {
	return a.rmw(k, v, memory.Full, change[T]{addsUnless, i, unless})
}

// adding is the mode of an addition to o whose result nobody asks for. Only
// additions commute with each other: an addition and an atomic_or do not, so
// that all other operations without a result are writes. Where a task waits for a
// value or for a change, of whatever, the order of additions matters.
func (m *Machine) adding() Mode {
	if m.CommuteRMW && m.known.steps&(tasksSpin|tasksRetry) == 0 {
		return Add
	}
	return Write
}
