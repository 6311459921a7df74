package sim

// Mutex is struct mutex: one owner, who may sleep while holding it. Whoever
// comes first when it is free gets it; nobody is queued.
type Mutex struct{ o Object }

// free is the way in to a lock that nobody holds.
const free Wait = 1

var (
	opMutexLock    = NewOp("mutex_lock(&%s)")
	opMutexTrylock = NewOp("mutex_trylock(&%s)")
	opMutexUnlock  = NewOp("mutex_unlock(&%s)")
)

func (l *Mutex) object() *Object { return &l.o }

// In places the mutex inside an allocation.
func (l *Mutex) In(life *Life) { l.o.In(life) }

// MutexInit is mutex_init(). Mutexes of one name are one lock class.
func (k *K) MutexInit(l *Mutex, name string) {
	l.o.InitLock(k, name)
	l.o.Allow(free)
}

// MutexLock is mutex_lock(): it sleeps until the mutex is free.
func (k *K) MutexLock(l *Mutex) {
	k.MightSleep(l.o.name)
	k.acquiring(&l.o)
	k.StepWait(opMutexLock, &l.o, Write, free)
	k.own(&l.o)
}

// MutexTrylock is mutex_trylock(): it takes the mutex if it is free, and says
// whether it did.
func (k *K) MutexTrylock(l *Mutex) bool {
	k.Step(opMutexTrylock, &l.o, Write)
	if !k.tried(&l.o) {
		return false
	}
	k.own(&l.o)
	return true
}

// tried says whether a lock is free for the trylock being made.
func (k *K) tried(o *Object) bool {
	ok := o.allow&free != 0
	if k.Tracing() {
		k.Note("= %t", ok)
	}
	return ok
}

// MutexUnlock is mutex_unlock(). Only the owner may call it.
func (k *K) MutexUnlock(l *Mutex) {
	k.Step(opMutexUnlock, &l.o, Write)
	k.disown(&l.o)
}

// own makes k the holder of an exclusive lock.
func (k *K) own(o *Object) {
	o.Forbid(free)
	o.holder = k
	k.acquired(o, false)
}

// disown makes an exclusive lock free.
func (k *K) disown(o *Object) {
	k.releasing(o, false)
	o.holder = nil
	o.Allow(free)
}
