package sim

// WaitContext is a lock that waits in a way that is not allowed where it is asked
// for.
var WaitContext = Kind{"wait-context", "BUG: Invalid wait context"}

// waitKind is how one waits for a lock.
type waitKind uint8

const (
	anywhere waitKind = iota // lockdep does not check it
	sleeps
	spins       // and sleeps where the kernel is PREEMPT_RT
	alwaysSpins // raw_spinlock_t
)

// waitType is the kind of context that may wait for o, as lockdep numbers them:
// LD_WAIT_INV, LD_WAIT_FREE, LD_WAIT_SPIN, LD_WAIT_CONFIG, LD_WAIT_SLEEP. If raw
// spinlocks are not told from others, LD_WAIT_CONFIG is LD_WAIT_SPIN.
func (m *Machine) waitType(w waitKind) int {
	config := 2 + flag(m.ProveRawLockNesting)
	return [...]int{sleeps: config + 1, spins: config, alwaysSpins: 2, anywhere: 0}[w]
}

// waitContext is what k may wait for if it holds nothing. Handlers of interrupts
// are threads where the kernel is PREEMPT_RT, so they may take spinlocks.
func (k *K) waitContext() int {
	if k.ctx == Task {
		return k.m.waitType(sleeps) + 1
	}
	return k.m.waitType(spins)
}

// mayWait fails if k must not ask for o where it is. Most of what this forbids is
// found by might_sleep() before; what is left is an ordinary spinlock under a raw
// one, which would sleep on PREEMPT_RT.
func (k *K) mayWait(o *Object, class int16) {
	if len(k.held) == 0 && k.ctx == Task {
		return
	}
	may := k.waitContext()
	for i := range k.held {
		if w := k.m.waitType(k.held[i].o.wait); w != 0 {
			may = min(may, w)
		}
	}
	if k.m.waitType(o.wait) > may {
		v := &Violation{Kind: WaitContext, Subject: k.m.lockdep.names[class], asked: o, askedAs: class}
		v.write = (*splat).invalidWait
		k.Fail(v)
	}
}
