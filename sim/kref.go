package sim

// Kref is struct kref: a [Refcount] in an object that is released with its last
// reference.
type Kref struct{ r Refcount }

// KrefInit is kref_init(): the caller has the first reference.
func (k *K) KrefInit(r *Kref, name string) { r.r.Init(k, name, 1) }

// In places the counter inside an allocation.
func (r *Kref) In(life *Life) { r.r.In(life) }

// Peek is the number of references, for checks when everything is quiet: it is
// not an access.
func (r *Kref) Peek() int32 { return r.r.Peek() }

// KrefRead is kref_read().
func (k *K) KrefRead(r *Kref) int32 { return k.RefcountRead(&r.r) }

// KrefGet is kref_get(): the caller must have a reference already.
func (k *K) KrefGet(r *Kref) { k.RefcountInc(&r.r) }

// KrefGetUnlessZero is kref_get_unless_zero(): it takes a reference unless the
// last is gone, and says whether it did. Something must keep the object
// allocated meanwhile.
func (k *K) KrefGetUnlessZero(r *Kref) bool { return k.RefcountIncNotZero(&r.r) }

// KrefPut is kref_put(): it drops a reference, calls release if that was the
// last, and says whether it was.
func (k *K) KrefPut(r *Kref, release func(k *K)) bool {
	if !k.RefcountDecAndTest(&r.r) {
		return false
	}
	release(k)
	return true
}

// KrefPutMutex is kref_put_mutex(): KrefPut that takes the mutex before the last
// reference is gone. It is for release to unlock.
func (k *K) KrefPutMutex(r *Kref, release func(k *K), l *Mutex) bool {
	if !k.RefcountDecAndMutexLock(&r.r, l) {
		return false
	}
	release(k)
	return true
}

// KrefPutLock is kref_put_lock(): KrefPutMutex with a spinlock.
func (k *K) KrefPutLock(r *Kref, release func(k *K), l *SpinLock) bool {
	if !k.RefcountDecAndLock(&r.r, l) {
		return false
	}
	release(k)
	return true
}
