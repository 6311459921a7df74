package sim

// Forget says that what the task has found so far does not matter any more: what
// it does from here on depends on the place in the code, which is the call and the
// calls that lead to it, and on the values of live, such as the counter of a loop.
// It is no step and does nothing, but for a search that stops where it has been
// (the strategy states of package explore): to that, a task that has forgotten is
// the same whatever it did before. The end of each round of a loop is a good place
// for it, and the end of the task.
//
// Nothing stands behind it but the word of who writes it. What the task keeps in
// variables that others look at, be it at the end ([Machine.After]), must be among
// live as well. If Forget says too much executions are missed; a search with
// SelfCheck tries to show it.
func (k *K) Forget(live ...int) {
	m := k.m
	if !m.States || k.setup || m.aborting {
		return
	}
	m.settle() // what the step has done so far it did while it remembered
	m.tracking.forgot = true
	if m.retries {
		m.learn(func(*facts) {}) // the next execution goes by what is forgotten instead
	}
	h := callSite()
	for _, v := range live {
		h = mix(h, uint64(v))
	}
	for i := range k.held {
		l := &k.held[i]
		h = mix(mix(h, m.objects[l.o.id].key), uint64(l.class)<<8|uint64(l.how))
	}
	for _, mod := range k.text {
		h = mix(h, m.objects[mod.o.id].key)
	}
	for _, n := range [...]int{k.preempt, k.bhOff, k.irqOff, k.chain, k.nchildren, k.nobjects, int(k.state)} {
		h = mix(h, uint64(n))
	}
	flags := flag(k.daemon) | flag(k.late)<<1 | flag(k.kthread)<<2 | flag(k.prepared)<<3
	k.local = mix(h, uint64(flags)) | 1
}

// Forgot says that a task has called Forget, now or in an earlier execution.
func (m *Machine) Forgot() bool { return m.tracking.forgot }
