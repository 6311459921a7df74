package sim

// RWSem is struct rw_semaphore: many readers or one writer, who may sleep.
// Waiters are served in the order in which they came, as by lib/rwsem.c, so a
// queued writer blocks the readers that come after it.
type RWSem struct {
	o       Object
	readers int
	queue   []rwWaiter
}

type rwWaiter struct {
	k     *K
	write bool
}

var (
	opDownRead  = NewOp("down_read(&%s)")
	opUpRead    = NewOp("up_read(&%s)")
	opDownWrite = NewOp("down_write(&%s)")
	opUpWrite   = NewOp("up_write(&%s)")
)

func (l *RWSem) object() *Object { return &l.o }

// In places the semaphore inside an allocation.
func (l *RWSem) In(life *Life) { l.o.In(life) }

// InitRWSem is init_rwsem(). Semaphores of one name are one lock class.
func (k *K) InitRWSem(l *RWSem, name string) {
	l.o.InitLock(k, name)
	l.readers, l.queue = 0, nil
}

// DownRead is down_read(): it sleeps while there is a writer or a queue.
func (k *K) DownRead(l *RWSem) {
	k.MightSleep(l.o.name)
	k.acquiring(&l.o)
	k.Step(opDownRead, &l.o, Add)
	if l.o.holder == nil && len(l.queue) == 0 {
		l.readers++
	} else {
		k.Touch(&l.o, Write)
		k.queueUp(l, opDownRead, false)
	}
	k.acquired(&l.o, true)
}

// UpRead is up_read().
func (k *K) UpRead(l *RWSem) {
	k.Step(opUpRead, &l.o, Add)
	k.releasing(&l.o, true)
	l.readers--
	if len(l.queue) > 0 {
		// Readers that leave are no longer alike: the last one serves the queue.
		k.Touch(&l.o, Write)
		if l.readers == 0 {
			k.serve(l)
		}
	}
}

// DownWrite is down_write(): it sleeps while anyone holds the semaphore or
// waits for it.
func (k *K) DownWrite(l *RWSem) {
	k.MightSleep(l.o.name)
	k.acquiring(&l.o)
	k.Step(opDownWrite, &l.o, Write)
	if l.o.holder == nil && l.readers == 0 && len(l.queue) == 0 {
		l.o.holder = k
	} else {
		k.queueUp(l, opDownWrite, true)
	}
	k.acquired(&l.o, false)
}

// UpWrite is up_write(). Only the writer may call it.
func (k *K) UpWrite(l *RWSem) {
	k.Step(opUpWrite, &l.o, Write)
	k.releasing(&l.o, false)
	l.o.holder = nil
	k.serve(l)
}

// queueUp waits until serve has given k the semaphore.
func (k *K) queueUp(l *RWSem, op Op, write bool) {
	l.queue = append(l.queue, rwWaiter{k, write})
	k.wake.Forbid(granted) // whoever grants it finds k in the queue
	k.sleep(op, &l.o, granted)
}

// serve gives the semaphore to the writer at the head of the queue or to the
// readers there.
func (k *K) serve(l *RWSem) {
	for len(l.queue) > 0 && l.o.holder == nil {
		w := l.queue[0]
		if w.write && l.readers > 0 {
			return
		}
		l.queue = l.queue[1:]
		if w.write {
			l.o.holder = w.k
		} else {
			l.readers++
		}
		k.wakeUp(w.k, granted)
	}
}
