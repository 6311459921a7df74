package sim

// RWSem is struct rw_semaphore: many readers or one writer, who may sleep.
// Waiters are served in the order in which they came, as by lib/rwsem.c, so a
// queued writer blocks the readers that come after it.
type RWSem struct{ rw rwState }

// rwState is a lock for many readers or one writer. Readers only add to it as long
// as none of them has to wait, so that they do not depend on each other.
//
// Whoever finds it taken joins a queue, and who leaves hands it over. For a lock
// that goes to whoever is fastest that does as well: the order in which tasks ask
// is explored, and a task that asks later than it could have loses nothing by it.
type rwState struct {
	o       Object
	readers int
	queue   []rwWaiter
	// barge says that a reader does not wait for writers that wait.
	barge bool
	// idle is how a waiter waits.
	idle Op
	// writes counts the writers, in a lock that somebody has speculated on.
	writes     int
	speculated bool
}

type rwWaiter struct {
	k     *K
	write bool
}

var (
	opDownRead         = NewOp("down_read(&%s)")
	opDownReadTrylock  = NewOp("down_read_trylock(&%s)")
	opUpRead           = NewOp("up_read(&%s)")
	opDownWrite        = NewOp("down_write(&%s)")
	opDownWriteTrylock = NewOp("down_write_trylock(&%s)")
	opUpWrite          = NewOp("up_write(&%s)")
	opDowngradeWrite   = NewOp("downgrade_write(&%s)")
)

func (l *RWSem) object() *Object { return &l.rw.o }

// In places the semaphore inside an allocation.
func (l *RWSem) In(life *Life) { l.rw.o.In(life) }

// InitRWSem is init_rwsem(). Semaphores of one name are one lock class.
func (k *K) InitRWSem(l *RWSem, name string) {
	k.initRW(&l.rw, name, opSleep)
	l.rw.o.wait = sleeps
}

// DownRead is down_read(): it sleeps while there is a writer or a queue.
func (k *K) DownRead(l *RWSem) { k.DownReadNested(l, 0) }

// DownReadNested is down_read_nested(): DownRead of a semaphore that belongs, this
// time, to a subclass from 0 to 7 of its class.
func (k *K) DownReadNested(l *RWSem, subclass int) {
	k.MightSleep(l.rw.o.name)
	k.readRW(&l.rw, opDownRead, shared, subclass)
}

// DownReadTrylock is down_read_trylock(): it says whether it took the semaphore,
// which it does unless there is a writer or a queue.
func (k *K) DownReadTrylock(l *RWSem) bool { return k.tryReadRW(&l.rw, opDownReadTrylock, shared) }

// UpRead is up_read().
func (k *K) UpRead(l *RWSem) { k.unreadRW(&l.rw, opUpRead) }

// DownWrite is down_write(): it sleeps while anyone holds the semaphore or
// waits for it.
func (k *K) DownWrite(l *RWSem) { k.DownWriteNested(l, 0) }

// DownWriteNested is down_write_nested(): DownWrite of a semaphore that belongs,
// this time, to a subclass from 0 to 7 of its class.
func (k *K) DownWriteNested(l *RWSem, subclass int) {
	k.MightSleep(l.rw.o.name)
	k.writeRW(&l.rw, opDownWrite, subclass)
}

// DownWriteTrylock is down_write_trylock(): it says whether it took the
// semaphore, which it does if nobody holds it or waits for it.
func (k *K) DownWriteTrylock(l *RWSem) bool { return k.tryWriteRW(&l.rw, opDownWriteTrylock) }

// UpWrite is up_write(). Only the writer may call it.
func (k *K) UpWrite(l *RWSem) { k.unwriteRW(&l.rw, opUpWrite) }

// DowngradeWrite is downgrade_write(): the writer becomes a reader, and lets in the
// readers at the head of the queue. No writer comes between.
func (k *K) DowngradeWrite(l *RWSem) {
	k.Step(opDowngradeWrite, &l.rw.o, Write)
	k.downgrading(&l.rw.o)
	l.rw.o.holder = nil
	l.rw.readers = 1
	k.serve(&l.rw)
}

func (k *K) initRW(l *rwState, name string, idle Op) {
	*l = rwState{idle: idle}
	l.o.InitLock(k, name)
	l.o.content = l
}

func (l *rwState) content(by Mode) uint64 {
	if by == Add {
		h := uint64(flag(l.open()))
		if l.speculated { // see MmapLockSpeculateTryBegin
			h |= uint64(flag(l.o.holder == nil))<<1 | uint64(l.writes)<<2
		}
		return h
	}
	h := uint64(l.readers)
	if l.speculated {
		h = mix(h, uint64(l.writes))
	}
	for _, w := range l.queue {
		h = mix(h, orderOf(w.k)<<1|uint64(flag(w.write)))
	}
	return h
}

// open says whether a reader gets in at once.
func (l *rwState) open() bool { return l.o.holder == nil && (l.barge || len(l.queue) == 0) }

func (k *K) readRW(l *rwState, op Op, how taking, subclass int) {
	class := k.asking(&l.o, how, subclass)
	k.Step(op, &l.o, Add)
	if l.open() {
		l.readers++
	} else {
		k.Touch(&l.o, Write)
		k.queueUp(l, op, false)
	}
	k.holds(&l.o, class, how)
}

func (k *K) tryReadRW(l *rwState, op Op, how taking) bool {
	k.StepWait(op, &l.o, Add, k.around(&l.o))
	if !k.saw(l.open()) {
		// What a lock is not open for is changed by nobody who only adds to it.
		k.looked(&l.o, Add, 0)
		return false
	}
	l.readers++
	k.gotByTrying(&l.o, how)
	return true
}

func (k *K) unreadRW(l *rwState, op Op) {
	k.Step(op, &l.o, Add)
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

func (k *K) writeRW(l *rwState, op Op, subclass int) {
	class := k.asking(&l.o, exclusive, subclass)
	k.Step(op, &l.o, Write)
	if l.o.holder == nil && l.readers == 0 && len(l.queue) == 0 {
		l.o.holder = k
		l.writes++
	} else {
		k.queueUp(l, op, true)
	}
	k.holds(&l.o, class, exclusive)
}

func (k *K) tryWriteRW(l *rwState, op Op) bool {
	k.StepWait(op, &l.o, Write, k.around(&l.o))
	if !k.saw(l.o.holder == nil && l.readers == 0 && len(l.queue) == 0) {
		k.looked(&l.o, Write, 0)
		return false
	}
	l.o.holder = k
	l.writes++
	k.gotByTrying(&l.o, exclusive)
	return true
}

func (k *K) unwriteRW(l *rwState, op Op) {
	k.Step(op, &l.o, Write)
	k.releasing(&l.o, false)
	l.o.holder = nil
	k.serve(l)
}

// queueUp waits until serve has given k the lock.
func (k *K) queueUp(l *rwState, op Op, write bool) {
	l.queue = append(l.queue, rwWaiter{k, write})
	k.wake.Forbid(granted) // whoever grants it finds k in the queue
	k.sleepIn(l.idle, op, &l.o, granted)
}

// serve gives the lock to the writer at the head of the queue or to the readers
// there.
func (k *K) serve(l *rwState) {
	for len(l.queue) > 0 && l.o.holder == nil {
		w := l.queue[0]
		if w.write && l.readers > 0 {
			return
		}
		l.queue = l.queue[1:]
		if w.write {
			l.o.holder = w.k
			l.writes++
		} else {
			l.readers++
		}
		k.wakeUp(w.k, granted)
	}
}
