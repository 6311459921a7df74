package sim

var (
	opGetStateRCU  = NewOp("get_state_synchronize_rcu()")
	opStartPollRCU = NewOp("start_poll_synchronize_rcu()")
	opPollStateRCU = NewOp("poll_state_synchronize_rcu()")
)

// GetStateSynchronizeRCU is get_state_synchronize_rcu(): a cookie for
// PollStateSynchronizeRCU. It starts nothing.
func (k *K) GetStateSynchronizeRCU() int { return k.poll(opGetStateRCU).begun }

// StartPollSynchronizeRCU is start_poll_synchronize_rcu(): a cookie as well, and a
// grace period on its own begins some time later.
func (k *K) StartPollSynchronizeRCU() int {
	c := k.poll(opStartPollRCU)
	if !k.setup {
		k.m.spawn(k, "rcu", false, Task, func(k *K) {
			k.beginWait(opGPInit, flavourRCU, c)
			k.waitFor(opGPInit, c)
		})
	}
	return c.begun
}

// PollStateSynchronizeRCU is poll_state_synchronize_rcu(): it says whether a grace
// period, whoever asked for it, has begun after the cookie was got and is over.
func (k *K) PollStateSynchronizeRCU(cookie int) bool {
	c := k.poll(opPollStateRCU)
	over := c.over > cookie
	k.m.Fold(uint64(flag(over)))
	if k.Tracing() {
		k.Note("= %t", over)
	}
	return over
}

// CondSynchronizeRCU is cond_synchronize_rcu(): SynchronizeRCU unless a grace
// period is over since the cookie was got.
func (k *K) CondSynchronizeRCU(cookie int) {
	if !k.PollStateSynchronizeRCU(cookie) {
		k.SynchronizeRCU()
	}
}

// poll is a step that looks how far the grace periods of synchronize_rcu are. The
// beginnings of grace periods do not depend on each other before somebody does.
func (k *K) poll(op Op) *crowd {
	m := k.m
	c := &m.flavour(flavourRCU).readers
	if !m.rcu.polled && !k.setup {
		if m.aborting {
			panic(errUnwind)
		}
		m.rcu.polled = true
		m.learn(func(f *facts) { f.polled = true })
	}
	k.Step(op, &c.polls, Read)
	m.Fold(uint64(c.begun))
	return c
}
