package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// FlushBusy is kretprobes in Linux 5.8: the end of a task makes believe that a probe
// is being handled on the CPU, so that a hit under the lock only counts.
var FlushBusy = addModern(Design{
	Design: probes.Design{
		Name:  "2020-flush-busy",
		Title: "as in 5.8: the same, with a probe that stands for all",
		From:  `Linux 5.8, kernel/kprobes.c, kprobe_busy_begin(); commit 9b38cc704e84`,
		Order: todaysOrder,
	},
	Has: Returns | Repeats,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.preHandlerKretprobe = hashed{d}.preHandlerKretprobe
		d.former.flushTask = flushBusy{d}.kprobeFlushTask
		return d
	},
})

var busy = &Kprobe{name: "kprobe_busy"}

// kprobeFlushTask is kprobe_flush_task().
func (d flushBusy) kprobeFlushTask(k *sim.K) {
	k.PreemptDisable()
	cpu := d.cpus.this(k)
	cpu.current = busy
	hashed(d).kprobeFlushTask(k)
	cpu.current = nil
	k.PreemptEnable()
}

// flushBusy has the functions that are different.
type flushBusy struct{ *today }
