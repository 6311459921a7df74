package sim

// Awaiting is the way in to a word whose value is waited for. It is never open
// on the object: whether the value will do is for the task that waits to say, see
// [Machine.Could].
const Awaiting Wait = 1 << 7

var (
	opCondLoadRelaxed = NewOp("smp_cond_load_relaxed(&%s)")
	opCondLoadAcquire = NewOp("smp_cond_load_acquire(&%s)")
)

// CondLoadRelaxed is smp_cond_load_relaxed(): it spins until condition is true of
// the word, and returns the value. The condition must depend on the value alone.
// Waiting costs no steps: the load is the one that ends the loop, those that
// would have gone round again are not explored.
func (w *Word[T]) CondLoadRelaxed(k *K, condition func(T) bool) T {
	return w.await(k, opCondLoadRelaxed, condition)
}

// CondLoadAcquire is smp_cond_load_acquire(): CondLoadRelaxed with the order of a
// load-acquire.
func (w *Word[T]) CondLoadAcquire(k *K, condition func(T) bool) T {
	return w.await(k, opCondLoadAcquire, condition)
}

func (w *Word[T]) await(k *K, op Op, condition func(T) bool) T {
	if !k.setup && !k.m.objects[w.o.id].awaited {
		k.m.learn(func(f *facts) { f.awaited[w.o.id] = true })
	}
	k.could = func(at int) (bool, int) { return condition(w.value(at)), len(w.past) }
	k.StepWait(op, &w.o, Read, Awaiting)
	k.m.Fold(bits(w.v))
	if k.Tracing() {
		k.Note("= %s", show(w.v))
	}
	return w.v
}

// value is the value of the word after the given number of writes, or the present
// one.
func (w *Word[T]) value(writes int) T {
	if writes < 0 || writes >= len(w.past) {
		return w.v
	}
	return w.past[writes]
}

// replaced keeps the value that the step is about to replace, for those who will
// want to know whether they could have gone on before it.
func (w *Word[T]) replaced(k *K) {
	if k.m.objects[w.o.id].awaited {
		w.past = append(w.past, w.v)
	}
}

// await is a step that waited for a value.
type await struct {
	event  int32
	writes int32 // of the word before the step
	could  func(at int) (bool, int)
}

// Could says whether step i of the execution, which waited for the value of a
// word, could have been taken before the last n of the writes to it that came
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
	_, writes := k.could(-1)
	a := await{writes: int32(writes), could: k.could}
	return a.before(n)
}

func (a *await) before(n int) bool {
	ok, _ := a.could(int(a.writes) - n)
	return n <= int(a.writes) && ok
}
