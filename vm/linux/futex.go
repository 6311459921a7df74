package linux

import (
	"slices"

	"trapline/pagecache"
	"trapline/sim"
)

// A futexKey says which word of memory is meant: an address in an address space,
// or an offset in a file that several may map.
type futexKey struct {
	space *space
	inode *pagecache.Inode
	at    uint64
}

// A futexWaiter is a thread that waits for a word.
type futexWaiter struct {
	t      *Thread
	key    futexKey
	bitset uint32
	woken  bool
}

// The operations of futex(2).
const (
	futexWait       = 0
	futexWake       = 1
	futexRequeue    = 3
	futexCmpRequeue = 4
	futexWakeOp     = 5
	futexWaitBitset = 9
	futexWakeBitset = 10

	futexPrivate  = 128
	futexRealtime = 256

	futexOwnerDied = 0x40000000
	futexWaiters   = 0x80000000
	futexTIDMask   = 0x3fffffff
)

// sysFutex is futex(word, op, value, timeout, word2, value3).
func sysFutex(t *Thread, a args) (uint64, error) {
	op := a[1] &^ (futexPrivate | futexRealtime)
	private := a[1]&futexPrivate != 0
	if a[0]&3 != 0 {
		return 0, sim.EINVAL
	}
	switch op {
	case futexWait, futexWaitBitset, futexWake, futexWakeBitset, futexRequeue, futexCmpRequeue, futexWakeOp:
	default:
		return 0, eNOSYS
	}
	key, err := t.futexKey(a[0], private)
	if err != nil {
		return 0, err
	}
	switch op {
	case futexWait:
		return t.futexWait(key, a, ^uint32(0), false)
	case futexWaitBitset:
		return t.futexWait(key, a, uint32(a[5]), true)
	case futexWake:
		return t.sys.wake(key, int32(a[2]), ^uint32(0)), nil
	case futexWakeBitset:
		if uint32(a[5]) == 0 {
			return 0, sim.EINVAL
		}
		return t.sys.wake(key, int32(a[2]), uint32(a[5])), nil
	}
	other, err := t.futexKey(a[4], private)
	if err != nil {
		return 0, err
	}
	if op == futexWakeOp {
		return t.wakeOp(key, other, a)
	}
	if op == futexCmpRequeue {
		v, err := t.load32(a[0])
		if err != nil {
			return 0, err
		}
		if v != uint32(a[5]) {
			return 0, sim.EAGAIN
		}
	}
	n := t.sys.wake(key, int32(a[2]), ^uint32(0))
	return n + t.sys.requeue(key, other, int32(a[3])), nil
}

// futexKey is get_futex_key().
func (t *Thread) futexKey(addr uint64, private bool) (futexKey, error) { //nolint:unparam // an error is what a key of shared memory can fail with
	if !private {
		if inode, at, ok := t.sharedAt(addr); ok {
			return futexKey{inode: inode, at: at}, nil
		}
	}
	return futexKey{space: t.space, at: addr}, nil
}

// futexWait sleeps while the word has the value.
func (t *Thread) futexWait(key futexKey, a args, bitset uint32, absolute bool) (uint64, error) {
	if bitset == 0 {
		return 0, sim.EINVAL
	}
	deadline := int64(never)
	if a[3] != 0 {
		d, err := t.timespec(a[3])
		if err != nil {
			return 0, err
		}
		switch {
		case !absolute:
			d = t.sys.after(d)
		case a[1]&futexRealtime != 0:
			d -= bootTime
		}
		deadline = d
	}
	s := t.sys
	w := &futexWaiter{t: t, key: key, bitset: bitset}
	// The waiter is there before the word is read: whoever changes it afterwards
	// finds somebody to wake.
	s.futexes[key] = append(s.futexes[key], w)
	v, err := t.load32(a[0])
	if err == nil && v != uint32(a[2]) {
		err = sim.EAGAIN
	}
	if err == nil && !t.block(func() bool { return w.woken }, deadline) {
		if t.sigPending {
			err = sim.ERESTARTSYS
			if a[3] != 0 && !absolute {
				err = eRESTARTBLOCK
				t.restart = func() (uint64, error) {
					key := w.key
					return t.futexWaitUntil(key, a, bitset, deadline)
				}
			}
		} else {
			err = eTIMEDOUT
		}
	}
	if w.woken {
		return 0, nil
	}
	s.unqueue(w)
	return 0, err
}

// futexWaitUntil goes on with a wait that a signal has interrupted.
func (t *Thread) futexWaitUntil(key futexKey, a args, bitset uint32, deadline int64) (uint64, error) {
	s := t.sys
	w := &futexWaiter{t: t, key: key, bitset: bitset}
	s.futexes[key] = append(s.futexes[key], w)
	v, err := t.load32(a[0])
	switch {
	case err != nil:
	case v != uint32(a[2]):
		err = sim.EAGAIN
	case t.block(func() bool { return w.woken }, deadline):
	case t.sigPending:
		err = eRESTARTBLOCK
		t.restart = func() (uint64, error) { return t.futexWaitUntil(key, a, bitset, deadline) }
	default:
		err = eTIMEDOUT
	}
	if w.woken {
		return 0, nil
	}
	s.unqueue(w)
	return 0, err
}

func (s *system) unqueue(w *futexWaiter) {
	list := slices.DeleteFunc(s.futexes[w.key], func(o *futexWaiter) bool { return o == w })
	if len(list) == 0 {
		delete(s.futexes, w.key)
	} else {
		s.futexes[w.key] = list
	}
}

// wake lets up to n waiters go on.
func (s *system) wake(key futexKey, n int32, bitset uint32) uint64 {
	woken := uint64(0)
	for _, w := range slices.Clone(s.futexes[key]) {
		if int32(woken) >= max(n, 1) {
			break
		}
		if w.bitset&bitset != 0 {
			w.woken = true
			s.unqueue(w)
			woken++
		}
	}
	return woken
}

// requeue has up to n waiters wait for another word.
func (s *system) requeue(from, to futexKey, n int32) uint64 {
	moved := uint64(0)
	for _, w := range slices.Clone(s.futexes[from]) {
		if int32(moved) >= n {
			break
		}
		s.unqueue(w)
		w.key = to
		s.futexes[to] = append(s.futexes[to], w)
		moved++
	}
	return moved
}

// wakeOp changes the second word, wakes those who wait for the first, and by what
// the second was before, those who wait for that.
func (t *Thread) wakeOp(key, other futexKey, a args) (uint64, error) {
	code := uint32(a[5])
	op, cmp := code>>28&7, code>>24&15
	arg := int32(code<<8) >> 20
	against := int32(code<<20) >> 20
	if code>>31 != 0 {
		arg = 1 << (arg & 31)
	}
	old, err := t.update32(a[4], func(v uint32) uint32 {
		switch op {
		case 0:
			return uint32(arg)
		case 1:
			return v + uint32(arg)
		case 2:
			return v | uint32(arg)
		case 3:
			return v &^ uint32(arg)
		}
		return v ^ uint32(arg)
	})
	if err != nil {
		return 0, err
	}
	n := t.sys.wake(key, int32(a[2]), ^uint32(0))
	v, holds := int32(old), false
	switch cmp {
	case 0:
		holds = v == against
	case 1:
		holds = v != against
	case 2:
		holds = v < against
	case 3:
		holds = v <= against
	case 4:
		holds = v > against
	case 5:
		holds = v >= against
	}
	if holds {
		n += t.sys.wake(other, int32(a[3]), ^uint32(0))
	}
	return n, nil
}

// releaseRobust is futex_exit_release(), and the word that set_tid_address(2)
// names: what others wait for that the thread will never do.
func (t *Thread) releaseRobust() {
	t.releaseLocks()
	if t.clearTID != 0 && t.space.users > 1 {
		if t.copyOut(t.clearTID, le32(0)) == nil {
			if key, err := t.futexKey(t.clearTID, false); err == nil {
				t.sys.wake(key, 1, ^uint32(0))
			}
		}
	}
	t.clearTID = 0
}

// releaseLocks is exit_robust_list().
func (t *Thread) releaseLocks() {
	const limit = 2048
	head := t.robust
	t.robust = 0
	if head == 0 {
		return
	}
	entry, err1 := t.load64(head)
	offset, err2 := t.load64(head + 8)
	pending, err3 := t.load64(head + 16)
	if err1 != nil || err2 != nil || err3 != nil {
		return
	}
	for i := 0; i < limit && entry&^1 != head; i++ {
		next, err := t.load64(entry &^ 1)
		if entry&^1 != pending&^1 {
			t.ownerDied(entry&^1 + offset)
		}
		if err != nil {
			return
		}
		entry = next
	}
	if pending != 0 {
		t.ownerDied(pending&^1 + offset)
	}
}

// ownerDied is handle_futex_death().
func (t *Thread) ownerDied(addr uint64) {
	if addr&3 != 0 {
		return
	}
	waiters := false
	if _, err := t.update32(addr, func(v uint32) uint32 {
		if v&futexTIDMask != uint32(t.tid) {
			return v
		}
		waiters = v&futexWaiters != 0
		return v&futexWaiters | futexOwnerDied
	}); err == nil && waiters {
		if key, err := t.futexKey(addr, false); err == nil {
			t.sys.wake(key, 1, ^uint32(0))
		}
	}
}
