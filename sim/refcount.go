package sim

import "math"

// Refcount is refcount_t, after lib/refcount.c: a counter of references that
// must not be raised from 0, go below it, or overflow. There the counter
// saturates, and the object leaks; here the execution ends with a violation.
type Refcount struct {
	o Object
	v int32
}

// RefcountBug is a reference that was taken when there was none, dropped when
// there was none, dropped without a look at whether it was the last, or one too
// many for the counter.
var RefcountBug = Kind{"refcount", "WARNING: refcount bug"}

// misuse is one of the ways to do so: what the kernel prints, and the line and
// the function of lib/refcount.c (6.12) from which it does.
type misuse struct {
	line int
	in   string
	text string
}

const warnSaturate = "refcount_warn_saturate"

var (
	addNotZeroOverflow = misuse{19, warnSaturate, "refcount_t: saturated; leaking memory."}
	addOverflow        = misuse{22, warnSaturate, "refcount_t: saturated; leaking memory."}
	addOnZero          = misuse{25, warnSaturate, "refcount_t: addition on 0; use-after-free."}
	underflow          = misuse{28, warnSaturate, "refcount_t: underflow; use-after-free."}
	decHitZero         = misuse{31, warnSaturate, "refcount_t: decrement hit 0; leaking memory."}
	underflowNotOne    = misuse{87, "refcount_dec_not_one", "refcount_t: underflow; use-after-free."}
)

var (
	opRefcountRead       = NewOp("refcount_read(&%s)")
	opRefcountSet        = newStoreOp("refcount_set(&%s)")
	opRefcountAdd        = NewOp("refcount_add(&%s)")
	opRefcountInc        = NewOp("refcount_inc(&%s)")
	opRefcountAddNotZero = NewOp("refcount_add_not_zero(&%s)")
	opRefcountIncNotZero = NewOp("refcount_inc_not_zero(&%s)")
	opRefcountDec        = NewOp("refcount_dec(&%s)")
	opRefcountSubTest    = NewOp("refcount_sub_and_test(&%s)")
	opRefcountDecTest    = NewOp("refcount_dec_and_test(&%s)")
	opRefcountDecIfOne   = NewOp("refcount_dec_if_one(&%s)")
	opRefcountDecNotOne  = NewOp("refcount_dec_not_one(&%s)")
)

// Init names the counter and sets its first value, as REFCOUNT_INIT() does. It
// is not a step.
func (r *Refcount) Init(k *K, name string, n int32) {
	r.o.init(k, name)
	r.v = n
	r.o.content = r
}

// content is for those who only add whether there is something wrong.
func (r *Refcount) content(by Mode) uint64 {
	if by == Add {
		return uint64(flag(r.v <= 0 || r.v > manyRefs))
	}
	return uint64(r.v)
}

// In places the counter inside an allocation.
func (r *Refcount) In(life *Life) { r.o.In(life) }

// Peek is the number of references, for checks when everything is quiet: it is
// not an access.
func (r *Refcount) Peek() int32 { return r.v }

// RefcountRead is refcount_read().
func (k *K) RefcountRead(r *Refcount) int32 {
	k.StepWait(opRefcountRead, &r.o, Read, k.around(&r.o))
	k.looked(&r.o, Read, uint64(r.v))
	k.m.Fold(uint64(r.v))
	if k.Tracing() {
		k.Note("= %d", r.v)
	}
	return r.v
}

// RefcountSet is refcount_set(), a plain store: it is for an object that nobody
// else can reach yet.
func (k *K) RefcountSet(r *Refcount, n int32) {
	k.Step(opRefcountSet, &r.o, Write)
	k.m.Fold(uint64(n))
	if k.Tracing() {
		k.Note("<- %d", n)
	}
	r.v = n
}

// RefcountInc is refcount_inc(): the caller must have a reference already, so
// that there is one.
func (k *K) RefcountInc(r *Refcount) { k.refcountAdd(opRefcountInc, r, 1) }

// RefcountAdd is refcount_add(): RefcountInc for i references.
func (k *K) RefcountAdd(i int32, r *Refcount) { k.refcountAdd(opRefcountAdd, r, i) }

func (k *K) refcountAdd(op Op, r *Refcount, i int32) {
	// As long as nothing can be wrong, nobody sees who came first. Whether it can
	// must not depend on others who add: none of them starts from 0, and it
	// takes more than the steps of an execution to come from many to too many.
	mode := k.m.adding()
	if i < 0 || i > fewRefs {
		mode = Write
	}
	k.Step(op, &r.o, mode)
	if r.v <= 0 || r.v > manyRefs {
		k.Touch(&r.o, Write)
	}
	k.m.Fold(uint64(i))
	if k.Tracing() {
		k.Note("%d -> %d", r.v, r.v+i)
	}
	switch {
	case r.v == 0:
		k.refcountWarn(r, addOnZero)
	case r.v < 0 || r.v+i < 0:
		k.refcountWarn(r, addOverflow)
	}
	r.v += i
}

const (
	fewRefs  = 1 << 12
	manyRefs = 1 << 30
)

// RefcountIncNotZero is refcount_inc_not_zero(): it takes a reference unless
// there is none left, and says whether it did.
func (k *K) RefcountIncNotZero(r *Refcount) bool {
	return k.refcountAddNotZero(opRefcountIncNotZero, r, 1)
}

// RefcountAddNotZero is refcount_add_not_zero(): RefcountIncNotZero for i
// references.
func (k *K) RefcountAddNotZero(i int32, r *Refcount) bool {
	return k.refcountAddNotZero(opRefcountAddNotZero, r, i)
}

func (k *K) refcountAddNotZero(op Op, r *Refcount, i int32) bool {
	old := k.refcountBegin(op, r)
	if old == 0 {
		return k.refcountEnd(r, old)
	}
	if old < 0 || old+i < 0 {
		k.refcountWarn(r, addNotZeroOverflow)
	}
	return k.refcountEnd(r, old+i)
}

// RefcountDec is refcount_dec(): it drops a reference that must not be the last.
func (k *K) RefcountDec(r *Refcount) {
	old := k.refcountBegin(opRefcountDec, r)
	if old <= 1 {
		k.refcountWarn(r, decHitZero)
	}
	k.refcountEnd(r, old-1)
}

// RefcountDecAndTest is refcount_dec_and_test(): it drops a reference and says
// whether that was the last.
func (k *K) RefcountDecAndTest(r *Refcount) bool {
	return k.refcountSubAndTest(opRefcountDecTest, r, 1)
}

// RefcountSubAndTest is refcount_sub_and_test(): RefcountDecAndTest for i
// references.
func (k *K) RefcountSubAndTest(i int32, r *Refcount) bool {
	return k.refcountSubAndTest(opRefcountSubTest, r, i)
}

func (k *K) refcountSubAndTest(op Op, r *Refcount, i int32) bool {
	old := k.refcountBegin(op, r)
	if old < i {
		k.refcountWarn(r, underflow)
	}
	k.refcountEnd(r, old-i)
	return old == i
}

// RefcountDecIfOne is refcount_dec_if_one(): it drops the reference if it is the
// last, and says whether it did.
func (k *K) RefcountDecIfOne(r *Refcount) bool {
	old := k.refcountBegin(opRefcountDecIfOne, r)
	if old == 1 {
		return k.refcountEnd(r, 0)
	}
	return k.refcountEnd(r, old)
}

// RefcountDecNotOne is refcount_dec_not_one(): it drops the reference unless it
// is the last, and says whether it did.
func (k *K) RefcountDecNotOne(r *Refcount) bool {
	old := k.refcountBegin(opRefcountDecNotOne, r)
	switch {
	case old == 1 || old == saturated:
		k.refcountEnd(r, old)
		return old != 1
	case old == 0:
		k.refcountWarn(r, underflowNotOne)
	}
	return k.refcountEnd(r, old-1)
}

// RefcountDecAndMutexLock is refcount_dec_and_mutex_lock(): it drops a reference
// and says whether that was the last, in which case it holds the mutex, so that
// nobody who takes it finds the object in between.
func (k *K) RefcountDecAndMutexLock(r *Refcount, l *Mutex) bool {
	if k.RefcountDecNotOne(r) {
		return false
	}
	k.MutexLock(l)
	if !k.RefcountDecAndTest(r) {
		k.MutexUnlock(l)
		return false
	}
	return true
}

// RefcountDecAndLock is refcount_dec_and_lock(): RefcountDecAndMutexLock with a
// spinlock.
func (k *K) RefcountDecAndLock(r *Refcount, l *SpinLock) bool {
	if k.RefcountDecNotOne(r) {
		return false
	}
	k.SpinLock(l)
	if !k.RefcountDecAndTest(r) {
		k.SpinUnlock(l)
		return false
	}
	return true
}

// saturated is REFCOUNT_SATURATED.
const saturated = math.MinInt32 / 2

// refcountBegin takes the step of an operation and returns the value before;
// refcountEnd ends it, and says whether the value has changed.
func (k *K) refcountBegin(op Op, r *Refcount) int32 {
	k.StepWait(op, &r.o, Write, k.around(&r.o))
	k.m.Fold(uint64(r.v))
	return r.v
}

func (k *K) refcountEnd(r *Refcount, v int32) bool {
	old := r.v
	r.v = v
	if v == old {
		k.looked(&r.o, Write, uint64(v))
	}
	k.m.Fold(uint64(v))
	if k.Tracing() {
		k.Note("%d -> %d", old, v)
	}
	return v != old
}

// refcountWarn ends the execution where the kernel warns.
func (k *K) refcountWarn(r *Refcount, m misuse) {
	k.Fail(&Violation{Kind: RefcountBug, Subject: r.o.name + ": " + m.text, write: func(s *splat) {
		s.line("------------[ cut here ]------------")
		s.line("%s", m.text)
		s.line("WARNING: CPU: %d PID: %d at lib/refcount.c:%d %s+0x0/0x0", k.cpu(), k.pid(), m.line, m.in)
		s.line("Modules linked in:")
		s.trace(k, s.stack)
		s.line("---[ end trace 0000000000000000 ]---")
	}})
}
