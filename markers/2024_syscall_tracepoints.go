package markers

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// SyscallTracepoints2024 are the tracepoints of system calls as they were first merged for
// Linux 6.13: their probes may take page faults, and so may sleep. Who calls them is a
// reader of RCU tasks trace, and no reader of RCU any more. The arrays are freed by
// call_rcu as before.
var SyscallTracepoints2024 = add(Design{
	Design: probes.Design{
		Name:  "2024-syscall-tracepoints",
		Title: "tracepoints whose probes may sleep, with arrays that are freed as before",
		From:  `linux-next, October 2024, include/linux/tracepoint.h, kernel/tracepoint.c, Mathieu Desnoyers, before "tracing: Fix syscall tracepoint use-after-free", found by syzkaller, Jordan Rife`,
		Order: []string{"tracepoints_mutex"},
		Fails: slices.Concat(transitionsFail,
			eachFails("KASAN: slab-use-after-free Read in trace", "an ordinary grace period does not wait for the caller, who has the array", freedUnderReaders...),
			eachFails("KASAN: slab-use-after-free Read in traceiter", "an ordinary grace period does not wait for the caller, who is in the iterator", freedUnderReaders...)),
	},
	Consolidated: true,
	New:          func(k *sim.K) Scheme { return newFaultable(k, faultable{}) },
})

// SyscallTracepoints2025 frees the arrays after a grace period of RCU tasks trace, and
// waits between the transitions from one probe to another for RCU.
var SyscallTracepoints2025 = add(Design{
	Design: probes.Design{
		Name:  "2025-syscall-tracepoints",
		Title: "tracepoints whose probes may sleep, as in 6.13",
		From:  `Linux 6.13, kernel/tracepoint.c, "tracing: Fix syscall tracepoint use-after-free"; tp_rcu_cond_sync() is as it was`,
		Order: []string{"tracepoints_mutex"},
		Fails: transitionsFail,
	},
	Consolidated: true,
	New:          func(k *sim.K) Scheme { return newFaultable(k, faultable{freesLate: true}) },
})

// SyscallTracepointsRepaired is the same with transitions that wait for the readers that
// there are. It is ours.
var SyscallTracepointsRepaired = add(Design{
	Design: probes.Design{
		Name:  "2025-syscall-tracepoints-repaired",
		Title: "the same, with transitions that wait for the readers that there are",
		From:  "ours",
		Order: []string{"tracepoints_mutex"},
		Fails: modulesMustWait,
	},
	Consolidated: true,
	New:          func(k *sim.K) Scheme { return newFaultable(k, faultable{freesLate: true, waitsForReaders: true}) },
})

// transitionsFail is what a transition does to a reader that nobody waits for: the snapshot
// is one of RCU, and the reader is one of RCU tasks trace. This we have not seen
// reported.
var transitionsFail = slices.Concat(
	eachFails("BUG: probe called with the data of another in trace", "the transition waits for RCU, and the caller, who has the data of the old probe, is a reader of RCU tasks trace",
		"first-of-two-goes", "function-before-data", "one-none-one", "ptype-before-function", "three-two-one", "two-operations-in-one-grace-period"),
	eachFails("BUG: connected probe not called once in trace_event", "the transition waits for RCU, and the caller, who has the data of the old probe, calls the one function that both have with them",
		"same-function-twice"),
	modulesMustWait,
)

// modulesMustWait is so by design: a module that has a probe at such a tracepoint must call
// tracepoint_synchronize_unregister() before it goes, and this one does not.
var modulesMustWait = slices.Concat(
	eachFails("BUG: unable to handle kernel paging request in trace", "the unloading of a module does not wait for readers of RCU tasks trace",
		"probe-module-unloads"),
	eachFails("BUG: unable to handle kernel paging request in traceiter", "the unloading of a module does not wait for readers of RCU tasks trace, and one is in the iterator",
		"probe-module-unloads"),
)

// freedUnderReaders are the questions in which an array is replaced.
var freedUnderReaders = []string{
	"array-under-preemptible-rcu", "both-probes-go", "first-of-two-goes", "function-before-data", "last-probe-goes",
	"module-with-a-marker", "one-none-one", "probe-module-unloads", "probe-of-higher-priority", "ptype-before-function",
	"ptype-before-multi", "removal-without-memory", "same-function-twice", "three-two-one", "two-operations-in-one-grace-period",
}

// eachFails is one failure that several questions show.
func eachFails(title, why string, questions ...string) []probes.Failure {
	var fails []probes.Failure
	for _, q := range questions {
		fails = append(fails, probes.Failure{Scenario: q, Title: title, Why: why})
	}
	return fails
}

// faultable differs from [transitions] in who reads.
type faultable struct {
	*transitions
	freesLate, waitsForReaders bool
}

func newFaultable(k *sim.K, d faultable) Scheme {
	d.transitions = newTransitions(k)
	if d.freesLate {
		d.release = callRCUTasksTraceFree
	}
	if d.waitsForReaders {
		d.wait = func(k *sim.K, _ int) { k.SynchronizeRCUTasksTrace() }
	}
	return d
}

// callRCUTasksTraceFree is release_probes() for a tracepoint that is faultable.
func callRCUTasksTraceFree(k *sim.K, old *probeArray) {
	if old != nil {
		k.CallRCUTasksTrace(&old.rcu, func(k *sim.K) { rcuFreeOldProbes(k, old) })
	}
}

// faultableMarker is the caller of such a tracepoint.
type faultableMarker struct{ *tracepoint }

// NewMarker makes a caller of a tracepoint, and the tracepoint with the first of them.
func (s faultable) NewMarker(k *sim.K, name, _ string, mod *sim.Module) Marker {
	return faultableMarker{s.newTracepoint(k, name, mod, s.traceiter)}
}

// Trace is trace_NAME() for a system call: guard(rcu_tasks_trace)().
func (m faultableMarker) Trace(k *sim.K) {
	if m.key.test(k) {
		k.RCUReadLockTrace()
		m.doTraceCall(k)
		k.RCUReadUnlockTrace()
	}
}

// Synchronize is tracepoint_synchronize_unregister().
func (s faultable) Synchronize(k *sim.K) {
	k.SynchronizeRCUTasksTrace()
	k.SynchronizeRCU()
}
