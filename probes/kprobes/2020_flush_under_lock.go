package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// FlushUnderLock is kretprobes up to Linux 5.7: the nodes are in a hash table with a
// lock. The end of a task takes it to free what the task has left, and runs through
// functions that may be probed themselves.
var FlushUnderLock = addModern(Design{
	Design: probes.Design{
		Name:  "2020-flush-under-lock",
		Title: "as in 5.7: the end of a task holds the lock that a kretprobe takes",
		From:  `Linux 5.7, kernel/kprobes.c, kprobe_flush_task(); commit 9b38cc704e84 "kretprobe: Prevent triggering kretprobe from within kprobe_flush_task"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "task-ends-under-a-kretprobe",
				Title:    "possible deadlock in pre_handler_kretprobe",
				Why:      "the end of a task runs into a kretprobe with the lock held that it takes",
			},
		},
	},
	Has: Returns | Repeats,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.preHandlerKretprobe = hashed{d}.preHandlerKretprobe
		d.former.flushTask = hashed{d}.kprobeFlushTask
		return d
	},
})

// preHandlerKretprobe is pre_handler_kretprobe() with kretprobe_hash_lock().
func (d hashed) preHandlerKretprobe(k *sim.K, rp *Kretprobe) {
	flags := k.SpinLockIRQSave(&d.returns.lock)
	d.today.preHandlerKretprobe(k, rp)
	k.SpinUnlockIRQRestore(&d.returns.lock, flags)
}

// kprobeFlushTask is kprobe_flush_task(): under the lock it runs recycle_rp_inst() and what
// that calls.
func (d hashed) kprobeFlushTask(k *sim.K) {
	flags := k.SpinLockIRQSave(&d.returns.lock)
	d.text.Run(k, d.text.Flushed)
	k.SpinUnlockIRQRestore(&d.returns.lock, flags)
}

// hashed has the functions that are different.
type hashed struct{ *today }
