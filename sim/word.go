package sim

import (
	"reflect"

	"trapline/sim/graph"
	"trapline/sim/memory"
)

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
	hist history[T]
	// pointer says that the value may be the address of something.
	pointer bool
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
	w.hist.begin(v)
	w.pointer = k.m.weak != nil && reflect.TypeFor[T]().Kind() == reflect.Pointer
	if k.m.States && hasBits(reflect.TypeFor[T]()) {
		w.o.content = w
	}
}

func (w *Word[T]) content(Mode) uint64 { return bits(w.v) }

// In places the word inside an allocation.
func (w *Word[T]) In(life *Life) { w.o.In(life) }

// Read is READ_ONCE().
func (w *Word[T]) Read(k *K) T { return w.load(k, opReadOnce, memory.Once) }

// ReadIndex is READ_ONCE() of a value from which the task works out what it accesses
// next, such as an index. With a model of memory other than SC all that it does later
// depends on it by address, as on a pointer; on what other loads return depend only
// its stores.
func (w *Word[T]) ReadIndex(k *K) T {
	was := w.pointer
	w.pointer = true
	v := w.load(k, opReadOnce, memory.Once)
	w.pointer = was
	return v
}

func (w *Word[T]) load(k *K, op Op, a memory.Access) T {
	if k.m.weak != nil {
		return w.seen(k, k.weakLoad(op, &w.o, graph.Use{Access: a, Pointer: w.pointer}, nil))
	}
	k.StepWait(op, &w.o, Read, k.around(&w.o))
	k.looked(&w.o, Read, w.sight())
	k.m.Fold(bits(w.v))
	if k.Tracing() {
		k.Note("= %s", show(w.v))
	}
	return w.v
}

// Write is WRITE_ONCE().
func (w *Word[T]) Write(k *K, v T) { w.store(k, opWriteOnce, memory.Once, v) }

// seen ends a load that read from a store.
func (w *Word[T]) seen(k *K, from graph.Event) T {
	v := w.hist.value(from)
	k.m.Fold(bits(v))
	if k.Tracing() {
		k.Note("= %s", show(v))
	}
	return v
}

// stored enters a store.
func (w *Word[T]) stored(k *K, e graph.Event, v T) {
	w.v = w.hist.enter(k, &w.o, e, v)
}

func (w *Word[T]) store(k *K, op Op, a memory.Access, v T) {
	if k.m.weak != nil && !k.setup {
		e := k.weakStore(op, &w.o, a)
		k.m.Fold(bits(v))
		if k.Tracing() {
			k.Note("<- %s", show(v))
		}
		w.stored(k, e, v)
		return
	}
	k.Step(op, &w.o, Write)
	w.past.add(k, &w.o, w.v)
	w.hist.begin(v)
	k.m.Fold(bits(v))
	if k.Tracing() {
		k.Note("<- %s", show(v))
	}
	w.v = v
}

// Xchg is xchg(): it sets the word and returns what it held.
func (w *Word[T]) Xchg(k *K, v T) T { return w.xchg(k, opXchg, memory.Full, v) }

func (w *Word[T]) xchg(k *K, op Op, order memory.Order, v T) T {
	if k.m.weak != nil && !k.setup {
		return w.weakRMW(k, op, order, func(T) (T, bool) { return v, true })
	}
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
func (w *Word[T]) Cmpxchg(k *K, old, v T) T { return w.cmpxchg(k, opCmpxchg, memory.Full, old, v) }

// weakRMW is a read-modify-write that stores what f makes of the value, if it says so.
func (w *Word[T]) weakRMW(k *K, op Op, order memory.Order, f func(old T) (T, bool)) T {
	from, own := k.weakRMW(op, &w.o, order, func(from graph.Event) (writes, changes bool) {
		old := w.hist.value(from)
		v, writes := f(old)
		return writes, v != old
	})
	old := w.hist.value(from)
	v, writes := f(old)
	k.m.Fold(bits(old))
	if writes {
		k.m.Fold(bits(v))
		w.stored(k, own, v)
	}
	if k.Tracing() {
		if writes {
			k.Note("%s -> %s", show(old), show(v))
		} else {
			k.Note("= %s", show(old))
		}
	}
	return old
}

func (w *Word[T]) cmpxchg(k *K, op Op, order memory.Order, old, v T) T {
	if k.m.weak != nil && !k.setup {
		return w.weakRMW(k, op, order, func(was T) (T, bool) { return v, was == old })
	}
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
	w.hist.begin(v)
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
