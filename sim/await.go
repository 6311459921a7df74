package sim

import (
	"trapline/sim/graph"
	"trapline/sim/memory"
)

// Awaiting is the way in to a word whose value is waited for. It is never open
// on the object: whether the value will do is for the task that waits to say, see
// [Machine.Could].
const Awaiting Wait = 1 << 15

var (
	opCondLoadRelaxed = NewOp("smp_cond_load_relaxed(&%s)")
	opCondLoadAcquire = NewOp("smp_cond_load_acquire(&%s)")

	atomicCondReadRelaxed = newVerb("cond_read_relaxed")
	atomicCondReadAcquire = newVerb("cond_read_acquire")
)

// CondLoadRelaxed is smp_cond_load_relaxed(): it spins until condition is true of
// the word, and returns the value. The condition must depend on the value alone.
// Waiting costs no steps: the load is the one that ends the loop, those that
// would have gone round again are not explored.
func (w *Word[T]) CondLoadRelaxed(k *K, condition func(T) bool) T {
	return w.await(k, opCondLoadRelaxed, memory.Once, condition)
}

// CondLoadAcquire is smp_cond_load_acquire(): CondLoadRelaxed with the order of a
// load-acquire.
func (w *Word[T]) CondLoadAcquire(k *K, condition func(T) bool) T {
	return w.await(k, opCondLoadAcquire, memory.Acquire, condition)
}

func (w *Word[T]) await(k *K, op Op, a memory.Access, condition func(T) bool) T {
	if k.m.weak != nil {
		return w.seen(k, k.weakLoad(op, &w.o, graph.Use{Access: a, Pointer: w.pointer}, func(e graph.Event) bool { return condition(w.hist.value(e)) }))
	}
	k.await(op, &w.o, func(at int) (bool, int) { return condition(w.past.value(at, w.v)), len(w.past) })
	k.m.Fold(bits(w.v))
	if k.Tracing() {
		k.Note("= %s", show(w.v))
	}
	return w.v
}

// CondReadRelaxed is atomic_cond_read_relaxed(): it spins until condition is true
// of the counter, as [Word.CondLoadRelaxed] does, and returns the value.
func (a *AtomicOf[T]) CondReadRelaxed(k *K, condition func(T) bool) T {
	return a.await(k, atomicCondReadRelaxed, memory.Once, condition)
}

// CondReadAcquire is atomic_cond_read_acquire().
func (a *AtomicOf[T]) CondReadAcquire(k *K, condition func(T) bool) T {
	return a.await(k, atomicCondReadAcquire, memory.Acquire, condition)
}

func (a *AtomicOf[T]) await(k *K, v verb, access memory.Access, condition func(T) bool) T {
	if k.m.weak != nil {
		return a.seen(k, k.weakLoad(a.op(v), &a.o, graph.Use{Access: access}, func(e graph.Event) bool { return condition(a.hist.value(e)) }))
	}
	k.await(a.op(v), &a.o, func(at int) (bool, int) { return condition(a.past.value(at, a.v)), len(a.past) })
	k.m.Fold(uint64(a.v))
	if k.Tracing() {
		k.Note("= %d", a.v)
	}
	return a.v
}

// await takes a step that is possible when could says so of the present value. It
// is asked of earlier ones, too: could takes a number of changes, -1 for all, and
// returns how many there were.
func (k *K) await(op Op, o *Object, could func(at int) (bool, int)) {
	if !k.setup && !k.m.objects[o.id].awaited {
		k.m.learn(func(f *facts) {
			f.awaited[o.id] = true
			if k.m.CommuteRMW { // additions no longer do
				f.steps |= tasksSpin
			}
		})
	}
	k.could = could
	k.StepWait(op, o, Read, Awaiting)
}

// past is what each change of a word has replaced, in order. It is kept for words
// that somebody waits for.
type past[T any] []T

// add keeps the value that the step is about to replace.
func (p *past[T]) add(k *K, o *Object, v T) {
	if k.m.objects[o.id].awaited {
		*p = append(*p, v)
	}
}

// value is the value after the given number of changes, which is now if there were
// not so many, or if it is negative.
func (p past[T]) value(changes int, now T) T {
	if changes < 0 || changes >= len(p) {
		return now
	}
	return p[changes]
}

// await is a step that waited for a value.
type await struct {
	event int32
	after int32 // so many changes of the word
	could func(at int) (bool, int)
}

// Could says whether step i of the execution, which waited for the value of a
// word, could have been taken before the last n of the changes of it that came
// before the step.
func (m *Machine) Could(i, n int) bool {
	for j := range m.awaits {
		if a := &m.awaits[j]; int(a.event) == i {
			return a.before(n)
		}
	}
	return false
}

// PendingCould is Could for the pending step of an unfinished task.
func (m *Machine) PendingCould(id TaskID, n int) bool {
	k := m.tasks[id]
	_, changes := k.could(-1)
	a := await{after: int32(changes), could: k.could}
	return a.before(n)
}

func (a *await) before(n int) bool {
	ok, _ := a.could(int(a.after) - n)
	return n <= int(a.after) && ok
}
