package sim

// GoSymmetric adds n tasks that run the same code f and are alike: none of them
// does anything that depends on which of them it is. An execution is then as good
// as another one in which they have changed places, so only one of these is
// possible: the one in which they take their first steps in order.
//
// That is all that is done about it. It takes a factor of up to n! off the number
// of executions, and all that is lost is the same with other names. If the tasks
// are not alike after all, executions are lost that are different; Machine.NoSymmetry
// makes them ordinary tasks, for comparison.
//
// Only the program may call it, and only while it sets up an execution.
func (m *Machine) GoSymmetric(name string, n int, f func(k *K)) {
	var elder *K
	for range n {
		k := m.spawn(m.tasks[0], name, false, Task, f)
		if elder != nil && !m.NoSymmetry && m.weak == nil {
			m.symmetric = true
			elder.younger, k.elder = k, elder
		}
		elder = k
	}
}

// Symmetric says that the program has tasks that are alike, and the machine makes
// use of it.
func (m *Machine) Symmetric() bool { return m.symmetric }

// gated says that k takes its first step after another task has done something,
// which is then a use of what k sleeps on: its birth, or the first step of a task
// that is like k.
func (k *K) gated() bool { return k.steps == 0 && (!k.parent.setup || k.elder != nil) }

// unborn says that k waits for a task that is like it to take its first step. To
// searches that is as if it was not there yet.
func (k *K) unborn() bool { return k.elder != nil && k.steps == 0 && k.wake.allow&born == 0 }

// first lets the next of the tasks that are like k begin, as part of its first
// step.
func (k *K) first() {
	k.m.enter(&k.younger.wake, Write, 0)
	k.younger.wake.Allow(born)
	k.younger.bornIn = len(k.m.events) - 1
}

// alike fails if tasks that should be alike begin with different steps.
func (m *Machine) alike() {
	for _, k := range m.live {
		if e := k.elder; e != nil && (!e.alive || e.pending.op != k.pending.op || e.pending.mode != k.pending.mode) {
			panic("sim: " + k.name + " is not like " + e.name + ": they do not begin with the same step, so they must not be from GoSymmetric")
		}
	}
}
