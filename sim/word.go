package sim

import "reflect"

// Word is a word of memory that tasks share and access with marked accesses
// (READ_ONCE and the like): every access is a step. Words that are protected by
// a lock belong in a [Cell] instead.
//
// Go methods cannot have type parameters, so these verbs belong to the word and
// not to K.
type Word[T comparable] struct {
	o    Object
	v    T
	past past[T]
}

var (
	opReadOnce  = NewOp("READ_ONCE(%s)")
	opWriteOnce = newStoreOp("WRITE_ONCE(%s)")
	opXchg      = NewOp("xchg(&%s)")
	opCmpxchg   = NewOp("cmpxchg(&%s)")
)

// Init names the word and sets its first value. It is not a step.
func (w *Word[T]) Init(k *K, name string, v T) {
	w.o.init(k, name)
	w.v, w.past = v, w.past[:0]
	if k.m.States && hasBits(reflect.TypeFor[T]()) {
		w.o.content = w
	}
}

func (w *Word[T]) content(Mode) uint64 { return bits(w.v) }

// In places the word inside an allocation.
func (w *Word[T]) In(life *Life) { w.o.In(life) }

// Read is READ_ONCE().
func (w *Word[T]) Read(k *K) T { return w.load(k, opReadOnce) }

func (w *Word[T]) load(k *K, op Op) T {
	k.StepWait(op, &w.o, Read, k.around(&w.o))
	k.looked(&w.o, Read, w.sight())
	k.m.Fold(bits(w.v))
	if k.Tracing() {
		k.Note("= %s", show(w.v))
	}
	return w.v
}

// Write is WRITE_ONCE().
func (w *Word[T]) Write(k *K, v T) { w.store(k, opWriteOnce, v) }

func (w *Word[T]) store(k *K, op Op, v T) {
	k.Step(op, &w.o, Write)
	w.past.add(k, &w.o, w.v)
	k.m.Fold(bits(v))
	if k.Tracing() {
		k.Note("<- %s", show(v))
	}
	w.v = v
}

// Xchg is xchg(): it sets the word and returns what it held.
func (w *Word[T]) Xchg(k *K, v T) T { return w.xchg(k, opXchg, v) }

func (w *Word[T]) xchg(k *K, op Op, v T) T {
	k.StepWait(op, &w.o, Write, k.around(&w.o))
	old := w.v
	k.m.Fold(bits(old))
	k.m.Fold(bits(v))
	w.change(k, v)
	if k.Tracing() {
		k.Note("%s -> %s", show(old), show(v))
	}
	return old
}

// Cmpxchg is cmpxchg(): it sets the word to v if it holds old, and returns what
// it held.
func (w *Word[T]) Cmpxchg(k *K, old, v T) T { return w.cmpxchg(k, opCmpxchg, old, v) }

func (w *Word[T]) cmpxchg(k *K, op Op, old, v T) T {
	k.StepWait(op, &w.o, Write, k.around(&w.o))
	was := w.v
	k.m.Fold(bits(was))
	if was != old {
		v = was
	}
	w.change(k, v)
	if k.Tracing() {
		k.Note("= %s", show(was))
	}
	return was
}

// sight is what a look at the word has seen. Values that have no bits are told from
// none.
func (w *Word[T]) sight() uint64 {
	var none T
	return bits(w.v)<<1 | uint64(flag(w.v == none))
}

// change ends a read-modify-write, which may leave the value as it was.
func (w *Word[T]) change(k *K, v T) {
	if v == w.v {
		k.looked(&w.o, Write, w.sight())
		return
	}
	w.past.add(k, &w.o, w.v)
	w.v = v
}

// Peek is the value of the word, for checks when everything is quiet: it is not
// an access.
func (w *Word[T]) Peek() T { return w.v }

// bits is what the trace hash takes of a value: numbers, truth values, strings
// and arrays of them, also of named types. Of others it takes nothing, as they
// have no form that is the same everywhere.
func bits[T any](v T) uint64 {
	switch v := any(v).(type) { // the common ones, without reflection
	case int:
		return uint64(v)
	case int32:
		return uint64(v)
	case int64:
		return uint64(v)
	case uint64:
		return v
	case bool:
		return uint64(flag(v))
	}
	return bitsOf(reflect.ValueOf(v))
}

func bitsOf(v reflect.Value) uint64 {
	switch {
	case v.Kind() == reflect.Bool:
		return uint64(flag(v.Bool()))
	case v.CanInt():
		return uint64(v.Int())
	case v.CanUint():
		return v.Uint()
	case v.Kind() == reflect.String:
		return hashString(v.String())
	case v.Kind() == reflect.Array:
		h := uint64(0)
		for i := range v.Len() {
			h = mix(h, bitsOf(v.Index(i)))
		}
		return h
	}
	return 0
}
