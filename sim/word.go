package sim

// Word is a word of memory that tasks share and access with marked accesses
// (READ_ONCE and the like): every access is a step. Words that are protected by
// a lock belong in a [Cell] instead.
//
// Go methods cannot have type parameters, so these verbs belong to the word and
// not to K.
type Word[T comparable] struct {
	o    Object
	v    T
	past []T // what each write replaced, if that will be asked
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
}

// In places the word inside an allocation.
func (w *Word[T]) In(life *Life) { w.o.In(life) }

// Read is READ_ONCE().
func (w *Word[T]) Read(k *K) T {
	k.StepWait(opReadOnce, &w.o, Read, k.around(&w.o))
	k.looked(&w.o, Read)
	k.m.Fold(bits(w.v))
	if k.Tracing() {
		k.Note("= %s", show(w.v))
	}
	return w.v
}

// Write is WRITE_ONCE().
func (w *Word[T]) Write(k *K, v T) {
	k.Step(opWriteOnce, &w.o, Write)
	w.replaced(k)
	k.m.Fold(bits(v))
	if k.Tracing() {
		k.Note("<- %s", show(v))
	}
	w.v = v
}

// Xchg is xchg(): it sets the word and returns what it held.
func (w *Word[T]) Xchg(k *K, v T) T {
	k.Step(opXchg, &w.o, Write)
	w.replaced(k)
	old := w.v
	k.m.Fold(bits(old))
	k.m.Fold(bits(v))
	w.v = v
	if k.Tracing() {
		k.Note("%s -> %s", show(old), show(v))
	}
	return old
}

// Cmpxchg is cmpxchg(): it sets the word to v if it holds old, and returns what
// it held.
func (w *Word[T]) Cmpxchg(k *K, old, v T) T {
	k.StepWait(opCmpxchg, &w.o, Write, k.around(&w.o))
	was := w.v
	k.m.Fold(bits(was))
	if was == old {
		w.replaced(k)
		w.v = v
	} else {
		k.looked(&w.o, Write)
	}
	if k.Tracing() {
		k.Note("= %s", show(was))
	}
	return was
}

// Peek is the value of the word, for checks when everything is quiet: it is not
// an access.
func (w *Word[T]) Peek() T { return w.v }

// bits is what the trace hash takes of a value: numbers and truth values, and of
// others nothing, as they have no form that is the same everywhere.
func bits[T comparable](v T) uint64 {
	switch v := any(v).(type) {
	case bool:
		if v {
			return 1
		}
	case int:
		return uint64(v)
	case int32:
		return uint64(v)
	case int64:
		return uint64(v)
	case uint8:
		return uint64(v)
	case uint32:
		return uint64(v)
	case uint64:
		return v
	}
	return 0
}
