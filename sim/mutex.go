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
	opMutexLocked  = NewOp("mutex_is_locked(&%s)")
)

func (l *Mutex) object() *Object { return &l.o }

// In places the mutex inside an allocation.
func (l *Mutex) In(life *Life) { l.o.In(life) }

// MutexInit is mutex_init(). Mutexes of one name are one lock class.
func (k *K) MutexInit(l *Mutex, name string) {
	l.o.InitLock(k, name)
	l.o.wait = sleeps
	k.initSections(&l.o)
	l.o.Allow(free)
	l.o.content = whoHolds{}
}

// whoHolds is the content of a lock that is known by who holds it.
type whoHolds struct{}

func (whoHolds) content(Mode) uint64 { return 0 }

// MutexLock is mutex_lock(): it sleeps until the mutex is free.
func (k *K) MutexLock(l *Mutex) { k.MutexLockNested(l, 0) }

// MutexLockNested is mutex_lock_nested(): MutexLock of a mutex that belongs, this
// time, to a subclass from 0 to 7 of its class, which says that it may be taken
// under mutexes of the class's other subclasses.
func (k *K) MutexLockNested(l *Mutex, subclass int) {
	k.MightSleep(l.o.name)
	class := k.asking(&l.o, exclusive, subclass)
	k.lockStep(opMutexLock, &l.o)
	k.own(&l.o, class)
}

// MutexTrylock is mutex_trylock(): it takes the mutex if it is free, and says
// whether it did.
func (k *K) MutexTrylock(l *Mutex) bool {
	k.StepWait(opMutexTrylock, &l.o, Write, k.around(&l.o))
	return k.try(&l.o)
}

// MutexIsLocked is mutex_is_locked(): it says whether anybody holds the mutex.
func (k *K) MutexIsLocked(l *Mutex) bool {
	k.StepWait(opMutexLocked, &l.o, Read, k.around(&l.o))
	k.looked(&l.o, Read, uint64(l.o.allow&free))
	return k.saw(l.o.allow&free == 0)
}

// try makes k the holder of an exclusive lock if it is free.
func (k *K) try(o *Object) bool {
	if !k.saw(o.allow&free != 0) {
		k.looked(o, Write, 0)
		return false
	}
	o.Forbid(free)
	o.holder = k
	k.locks(o)
	k.gotByTrying(o, exclusive)
	return true
}

// saw enters the answer of the step being taken into the books.
func (k *K) saw(yes bool) bool {
	k.m.Fold(uint64(flag(yes)))
	if k.Tracing() {
		k.Note("= %t", yes)
	}
	return yes
}

// MutexUnlock is mutex_unlock(). Only the owner may call it.
func (k *K) MutexUnlock(l *Mutex) {
	k.unlockStep(opMutexUnlock, &l.o)
	k.disown(&l.o)
}

// own makes k the holder of an exclusive lock, which it has asked for as one of a
// class.
func (k *K) own(o *Object, class int16) {
	o.Forbid(free)
	o.holder = k
	k.locks(o)
	k.holds(o, class, exclusive)
}

// disown makes an exclusive lock free.
func (k *K) disown(o *Object) {
	k.releasing(o, false)
	o.holder = nil
	k.unlocks(o)
	o.Allow(free)
}
