package sim

// AtomicOf is a counter that is read, changed and written in one step: see
// [AtomicInt] and [AtomicLong]. It wraps around as the type in C does. Like those of
// a [Word], its verbs belong to it and not to K.
//
// Operations that return something are full barriers in Linux, those that return
// nothing order nothing, and the forms Relaxed, Acquire and Release say
// what they order. In the model of the machine, sequential consistency, all give
// the same order. An operation with a condition that does not hold changes
// nothing, but is taken for a write: nobody knows before.
type AtomicOf[T int32 | int64] struct {
	o    Object
	v    T
	past past[T]
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
func (a *AtomicOf[T]) Read(k *K) T { return a.load(k, atomicRead) }

// ReadAcquire is atomic_read_acquire().
func (a *AtomicOf[T]) ReadAcquire(k *K) T { return a.load(k, atomicReadAcquire) }

// Set is atomic_set(), a plain store: it returns nothing and orders nothing.
func (a *AtomicOf[T]) Set(k *K, v T) { a.store(k, atomicSet, v) }

// SetRelease is atomic_set_release().
func (a *AtomicOf[T]) SetRelease(k *K, v T) { a.store(k, atomicSetRelease, v) }

// Add is atomic_add().
func (a *AtomicOf[T]) Add(k *K, i T) { a.raise(k, atomicAdd, i) }

// Sub is atomic_sub().
func (a *AtomicOf[T]) Sub(k *K, i T) { a.raise(k, atomicSub, -i) }

// Inc is atomic_inc().
func (a *AtomicOf[T]) Inc(k *K) { a.raise(k, atomicInc, 1) }

// Dec is atomic_dec().
func (a *AtomicOf[T]) Dec(k *K) { a.raise(k, atomicDec, -1) }

// And is atomic_and().
func (a *AtomicOf[T]) And(k *K, i T) { a.set(k, a.begin(k, atomicAnd)&i) }

// Or is atomic_or().
func (a *AtomicOf[T]) Or(k *K, i T) { a.set(k, a.begin(k, atomicOr)|i) }

// Xor is atomic_xor().
func (a *AtomicOf[T]) Xor(k *K, i T) { a.set(k, a.begin(k, atomicXor)^i) }

// Andnot is atomic_andnot(): it clears the bits that are set in i.
func (a *AtomicOf[T]) Andnot(k *K, i T) { a.set(k, a.begin(k, atomicAndnot)&^i) }

// AddReturn is atomic_add_return(): it returns the new value.
func (a *AtomicOf[T]) AddReturn(k *K, i T) T { return a.add(k, atomicAddReturn, i) + i }

// AddReturnRelaxed is atomic_add_return_relaxed().
func (a *AtomicOf[T]) AddReturnRelaxed(k *K, i T) T { return a.add(k, atomicAddReturnRelaxed, i) + i }

// AddReturnAcquire is atomic_add_return_acquire().
func (a *AtomicOf[T]) AddReturnAcquire(k *K, i T) T { return a.add(k, atomicAddReturnAcquire, i) + i }

// AddReturnRelease is atomic_add_return_release().
func (a *AtomicOf[T]) AddReturnRelease(k *K, i T) T { return a.add(k, atomicAddReturnRelease, i) + i }

// SubReturn is atomic_sub_return(): it returns the new value.
func (a *AtomicOf[T]) SubReturn(k *K, i T) T { return a.add(k, atomicSubReturn, -i) - i }

// SubReturnRelease is atomic_sub_return_release().
func (a *AtomicOf[T]) SubReturnRelease(k *K, i T) T { return a.add(k, atomicSubReturnRelease, -i) - i }

// IncReturn is atomic_inc_return(): it returns the new value.
func (a *AtomicOf[T]) IncReturn(k *K) T { return a.add(k, atomicIncReturn, 1) + 1 }

// IncReturnRelaxed is atomic_inc_return_relaxed().
func (a *AtomicOf[T]) IncReturnRelaxed(k *K) T { return a.add(k, atomicIncReturnRelaxed, 1) + 1 }

// IncReturnAcquire is atomic_inc_return_acquire().
func (a *AtomicOf[T]) IncReturnAcquire(k *K) T { return a.add(k, atomicIncReturnAcquire, 1) + 1 }

// DecReturn is atomic_dec_return(): it returns the new value.
func (a *AtomicOf[T]) DecReturn(k *K) T { return a.add(k, atomicDecReturn, -1) - 1 }

// DecReturnRelease is atomic_dec_return_release().
func (a *AtomicOf[T]) DecReturnRelease(k *K) T { return a.add(k, atomicDecReturnRelease, -1) - 1 }

// FetchAdd is atomic_fetch_add(): it returns the value before.
func (a *AtomicOf[T]) FetchAdd(k *K, i T) T { return a.add(k, atomicFetchAdd, i) }

// FetchAddRelaxed is atomic_fetch_add_relaxed().
func (a *AtomicOf[T]) FetchAddRelaxed(k *K, i T) T { return a.add(k, atomicFetchAddRelaxed, i) }

// FetchAddAcquire is atomic_fetch_add_acquire().
func (a *AtomicOf[T]) FetchAddAcquire(k *K, i T) T { return a.add(k, atomicFetchAddAcquire, i) }

// FetchAddRelease is atomic_fetch_add_release().
func (a *AtomicOf[T]) FetchAddRelease(k *K, i T) T { return a.add(k, atomicFetchAddRelease, i) }

// FetchSub is atomic_fetch_sub(): it returns the value before.
func (a *AtomicOf[T]) FetchSub(k *K, i T) T { return a.add(k, atomicFetchSub, -i) }

// FetchSubRelease is atomic_fetch_sub_release().
func (a *AtomicOf[T]) FetchSubRelease(k *K, i T) T { return a.add(k, atomicFetchSubRelease, -i) }

// FetchInc is atomic_fetch_inc(): it returns the value before.
func (a *AtomicOf[T]) FetchInc(k *K) T { return a.add(k, atomicFetchInc, 1) }

// FetchDec is atomic_fetch_dec(): it returns the value before.
func (a *AtomicOf[T]) FetchDec(k *K) T { return a.add(k, atomicFetchDec, -1) }

// FetchAnd is atomic_fetch_and(): it returns the value before.
func (a *AtomicOf[T]) FetchAnd(k *K, i T) T { return a.set(k, a.begin(k, atomicFetchAnd)&i) }

// FetchOr is atomic_fetch_or(): it returns the value before.
func (a *AtomicOf[T]) FetchOr(k *K, i T) T { return a.set(k, a.begin(k, atomicFetchOr)|i) }

// FetchOrRelaxed is atomic_fetch_or_relaxed().
func (a *AtomicOf[T]) FetchOrRelaxed(k *K, i T) T {
	return a.set(k, a.begin(k, atomicFetchOrRelaxed)|i)
}

// FetchOrAcquire is atomic_fetch_or_acquire().
func (a *AtomicOf[T]) FetchOrAcquire(k *K, i T) T {
	return a.set(k, a.begin(k, atomicFetchOrAcquire)|i)
}

// FetchXor is atomic_fetch_xor(): it returns the value before.
func (a *AtomicOf[T]) FetchXor(k *K, i T) T { return a.set(k, a.begin(k, atomicFetchXor)^i) }

// FetchAndnot is atomic_fetch_andnot(): it returns the value before.
func (a *AtomicOf[T]) FetchAndnot(k *K, i T) T { return a.set(k, a.begin(k, atomicFetchAndnot)&^i) }

// FetchAndnotRelaxed is atomic_fetch_andnot_relaxed().
func (a *AtomicOf[T]) FetchAndnotRelaxed(k *K, i T) T {
	return a.set(k, a.begin(k, atomicFetchAndnotRelax)&^i)
}

// FetchAndnotRelease is atomic_fetch_andnot_release().
func (a *AtomicOf[T]) FetchAndnotRelease(k *K, i T) T {
	return a.set(k, a.begin(k, atomicFetchAndnotRel)&^i)
}

// Xchg is atomic_xchg(): it sets the counter and returns the value before.
func (a *AtomicOf[T]) Xchg(k *K, v T) T { return a.xchg(k, atomicXchg, v) }

// XchgRelaxed is atomic_xchg_relaxed().
func (a *AtomicOf[T]) XchgRelaxed(k *K, v T) T { return a.xchg(k, atomicXchgRelaxed, v) }

// XchgAcquire is atomic_xchg_acquire().
func (a *AtomicOf[T]) XchgAcquire(k *K, v T) T { return a.xchg(k, atomicXchgAcquire, v) }

// XchgRelease is atomic_xchg_release().
func (a *AtomicOf[T]) XchgRelease(k *K, v T) T { return a.xchg(k, atomicXchgRelease, v) }

// Cmpxchg is atomic_cmpxchg(): it sets the counter to v if it holds old, and
// returns what it held.
func (a *AtomicOf[T]) Cmpxchg(k *K, old, v T) T { return a.cmpxchg(k, atomicCmpxchg, old, v) }

// CmpxchgRelaxed is atomic_cmpxchg_relaxed().
func (a *AtomicOf[T]) CmpxchgRelaxed(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchgRelaxed, old, v)
}

// CmpxchgAcquire is atomic_cmpxchg_acquire().
func (a *AtomicOf[T]) CmpxchgAcquire(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchgAcquire, old, v)
}

// CmpxchgRelease is atomic_cmpxchg_release().
func (a *AtomicOf[T]) CmpxchgRelease(k *K, old, v T) T {
	return a.cmpxchg(k, atomicCmpxchgRelease, old, v)
}

// TryCmpxchg is atomic_try_cmpxchg(): it sets the counter to v if it holds *old,
// and says whether it did; if not, *old is then what it holds.
func (a *AtomicOf[T]) TryCmpxchg(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchg, old, v)
}

// TryCmpxchgRelaxed is atomic_try_cmpxchg_relaxed().
func (a *AtomicOf[T]) TryCmpxchgRelaxed(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchgRelaxed, old, v)
}

// TryCmpxchgAcquire is atomic_try_cmpxchg_acquire().
func (a *AtomicOf[T]) TryCmpxchgAcquire(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchgAcquire, old, v)
}

// TryCmpxchgRelease is atomic_try_cmpxchg_release().
func (a *AtomicOf[T]) TryCmpxchgRelease(k *K, old *T, v T) bool {
	return a.tryCmpxchg(k, atomicTryCmpxchgRelease, old, v)
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
	less := a.begin(k, atomicDecIfPositive) - 1
	if less < 0 {
		a.set(k, less+1)
	} else {
		a.set(k, less)
	}
	return less
}

// AddNegative is atomic_add_negative(): it adds i and says whether the new value
// is negative.
func (a *AtomicOf[T]) AddNegative(k *K, i T) bool { return a.add(k, atomicAddNegative, i)+i < 0 }

// SubAndTest is atomic_sub_and_test(): it says whether the new value is zero.
func (a *AtomicOf[T]) SubAndTest(k *K, i T) bool { return a.add(k, atomicSubAndTest, -i) == i }

// DecAndTest is atomic_dec_and_test(): it says whether the new value is zero.
func (a *AtomicOf[T]) DecAndTest(k *K) bool { return a.add(k, atomicDecAndTest, -1) == 1 }

// IncAndTest is atomic_inc_and_test(): it says whether the new value is zero.
func (a *AtomicOf[T]) IncAndTest(k *K) bool { return a.add(k, atomicIncAndTest, 1) == -1 }

// op is the operation on this type of counter.
func (a *AtomicOf[T]) op(v verb) Op {
	if _, long := any(a.v).(int64); long {
		return v[1]
	}
	return v[0]
}

func (a *AtomicOf[T]) load(k *K, v verb) T {
	k.StepWait(a.op(v), &a.o, Read, k.around(&a.o))
	k.looked(&a.o, Read, uint64(a.v))
	k.m.Fold(uint64(a.v))
	if k.Tracing() {
		k.Note("= %d", a.v)
	}
	return a.v
}

func (a *AtomicOf[T]) store(k *K, verb verb, v T) {
	k.Step(a.op(verb), &a.o, Write)
	a.past.add(k, &a.o, a.v)
	k.m.Fold(uint64(v))
	if k.Tracing() {
		k.Note("<- %d", v)
	}
	a.v = v
}

// begin takes the step of a read-modify-write and returns the value before; set
// ends it with the value after, and returns the value before as well.
func (a *AtomicOf[T]) begin(k *K, v verb) T {
	k.StepWait(a.op(v), &a.o, Write, k.around(&a.o))
	k.m.Fold(uint64(a.v))
	return a.v
}

func (a *AtomicOf[T]) set(k *K, v T) (old T) {
	old = a.v
	if v == old {
		k.looked(&a.o, Write, uint64(v))
	} else {
		a.past.add(k, &a.o, old)
	}
	a.v = v
	k.m.Fold(uint64(v))
	if k.Tracing() {
		k.Note("%d -> %d", old, v)
	}
	return old
}

// add adds i and returns the value before.
func (a *AtomicOf[T]) add(k *K, v verb, i T) T { return a.set(k, a.begin(k, v)+i) }

// raise adds i for somebody who learns nothing of the value. The trace hash takes
// the amount only, so that it is the same whether or not raising commutes.
func (a *AtomicOf[T]) raise(k *K, v verb, i T) {
	k.Step(a.op(v), &a.o, k.m.adding())
	a.past.add(k, &a.o, a.v)
	k.m.Fold(uint64(i))
	if k.Tracing() {
		k.Note("%d -> %d", a.v, a.v+i)
	}
	a.v += i
}

func (a *AtomicOf[T]) xchg(k *K, verb verb, v T) T {
	a.begin(k, verb)
	return a.set(k, v)
}

func (a *AtomicOf[T]) cmpxchg(k *K, verb verb, old, v T) T {
	was := a.begin(k, verb)
	if was != old {
		v = was
	}
	return a.set(k, v)
}

func (a *AtomicOf[T]) tryCmpxchg(k *K, verb verb, old *T, v T) bool {
	was := a.cmpxchg(k, verb, *old, v)
	ok := was == *old
	*old = was
	return ok
}

func (a *AtomicOf[T]) addUnless(k *K, v verb, i, unless T) T {
	old := a.begin(k, v)
	if old == unless {
		i = 0
	}
	return a.set(k, old+i)
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
