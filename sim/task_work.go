package sim

// taskWorks is task->task_works: what a task is to do before it returns to user
// mode.
type taskWorks struct {
	o      Object
	head   []func(k *K)
	exited bool // takes no more
}

func (w *taskWorks) reset() {
	clear(w.head)
	w.head, w.exited = w.head[:0], false
}

var (
	opTaskWorkAdd  = NewOp("task_work_add(%s)")
	opTaskWorkRun  = NewOp("task_work_run(%s)")
	opExitTaskWork = NewOp("exit_task_work(%s)")
)

// taskWorks makes the list of p a thing that steps use. It has an identity of its
// own, apart from what p makes, so that programs without task work stay as they
// are; and from then on each task ends with the step that closes its list.
func (k *K) taskWorks(p *K) *taskWorks {
	m := k.m
	m.own(&p.works.o, p, 1, p.name)
	if !m.known.steps.has(tasksWork) {
		m.learn(func(f *facts) { f.steps |= tasksWork })
	}
	return &p.works
}

// own gives an object that belongs to the machine its identity, once: it is the
// n-th that goes with the task k, counted apart from those that k makes.
func (m *Machine) own(o *Object, k *K, n int, name string) {
	if o.id == 0 {
		o.id = m.object(k, -n)
	}
	o.name = name
	if m.States && (int(o.id) >= len(m.tracking.found) || m.tracking.found[o.id].o == nil) {
		m.exists(o)
	}
}

// TaskWorkAdd is task_work_add(p, f, TWA_RESUME): p runs f in its own context
// before it returns to user mode ([K.ReturnToUser]), or when it ends. It returns
// ESRCH if p has ended. Any context may call it; to wake p is up to the caller.
func (k *K) TaskWorkAdd(p *K, f func(k *K)) error {
	w := k.taskWorks(p)
	k.Step(opTaskWorkAdd, &w.o, Write)
	if !k.noted(!w.exited) {
		return ESRCH
	}
	w.head = append(w.head, f)
	return nil
}

// ReturnToUser is what a task does on its way back to user mode: it runs the work
// that was added for it, the last added first, until there is none.
func (k *K) ReturnToUser() {
	w := k.taskWorks(k)
	for {
		k.Step(opTaskWorkRun, &w.o, Write)
		if len(w.head) == 0 {
			return
		}
		k.runTaskWorks()
	}
}

func (k *K) runTaskWorks() {
	works := k.works.head
	k.works.head = nil
	for i := len(works) - 1; i >= 0; i-- {
		works[i](k)
	}
}

// exitTaskWork runs what is left at the end of the task, and closes the list in
// the step that finds it empty.
func (k *K) exitTaskWork() {
	if !k.m.known.steps.has(tasksWork) || k.ctx != Task || k.setup {
		return
	}
	w := k.taskWorks(k)
	for {
		k.Step(opExitTaskWork, &w.o, Write)
		if len(w.head) == 0 {
			w.exited = true
			return
		}
		k.runTaskWorks()
	}
}
