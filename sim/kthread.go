package sim

// Kthread is a kernel thread, as kthread_create() makes it: a task that another
// one spawns. It goes by the name of its maker, a slash, and its own. If the
// execution ends while it sleeps in TaskInterruptible, it is idle, not hung.
type Kthread struct {
	o       Object // allows started, and exited
	k       *K
	stopped bool
	result  int
}

// The ways of a kernel thread.
const (
	started Wait = 1 << iota
	exited
)

var (
	opKthread           = NewOp("kthread(%s)")
	opKthreadCreate     = NewOp("kthread_create(%s)")
	opKthreadExit       = NewOp("kthread_exit(%s)")
	opKthreadShouldStop = NewOp("kthread_should_stop(%s)")
	opKthreadStop       = NewOp("kthread_stop(%s)")
)

// KthreadCreate is kthread_create(): the thread is there but waits for
// [K.WakeUpKthread]. f is what it does; its result is that of KthreadStop. It might
// sleep.
func (k *K) KthreadCreate(t *Kthread, name string, f func(k *K) int) {
	k.MightSleep(name)
	*t = Kthread{}
	t.o.init(k, name)
	k.Step(opKthreadCreate, &t.o, Write)
	t.k = k.m.spawn(k, name, false, Task, func(k *K) {
		k.kthread = true
		k.chain = 0
		k.sleepsFor, k.state = woken, TaskInterruptible // while it has not begun
		k.StepWait(opKthread, &t.o, Write, started)
		k.sleepsFor, k.state = 0, TaskRunning
		result := -int(EINTR)
		if !t.stopped {
			result = f(k)
		}
		k.Step(opKthreadExit, &t.o, Write)
		t.result = result
		t.o.Allow(exited)
	})
}

// KthreadRun is kthread_run(): a thread that begins at once.
func (k *K) KthreadRun(t *Kthread, name string, f func(k *K) int) {
	k.KthreadCreate(t, name, f)
	k.WakeUpKthread(t)
}

// WakeUpKthread is wake_up_process() of a thread: it begins, or ends its sleep.
func (k *K) WakeUpKthread(t *Kthread) bool {
	epoch := k.clock.at(k.id)
	t.k.nameWake()
	k.Step(opWakeUpProcess, &t.k.wake, Write)
	return k.wakeKthread(t, epoch)
}

func (k *K) wakeKthread(t *Kthread, epoch uint32) bool {
	k.Touch(&t.o, Read)
	if t.o.allow&started == 0 {
		k.Touch(&t.o, Write)
		t.o.Allow(started)
		return true
	}
	return k.wakeProcess(t.k, epoch)
}

// Task is the handle of the thread, for WakeUpProcess and the like.
func (t *Kthread) Task() *K { return t.k }

// KthreadShouldStop is kthread_should_stop(), asked by the thread itself.
func (k *K) KthreadShouldStop(t *Kthread) bool {
	k.StepWait(opKthreadShouldStop, &t.o, Read, k.around(&t.o))
	k.looked(&t.o, Read, uint64(flag(t.stopped)))
	return k.noted(t.stopped)
}

// KthreadStop is kthread_stop(): it tells the thread to stop, wakes it, waits
// until it has ended, and returns its result. If it had not begun, it never does,
// and the result is -EINTR.
func (k *K) KthreadStop(t *Kthread) int {
	k.MightSleep(t.o.name)
	epoch := k.clock.at(k.id)
	k.Step(opKthreadStop, &t.o, Write)
	t.stopped = true
	k.Touch(&t.k.wake, Write)
	k.wakeKthread(t, epoch)
	k.StepWait(opKthreadStop, &t.o, Read, exited)
	k.m.Fold(uint64(t.result))
	return t.result
}
