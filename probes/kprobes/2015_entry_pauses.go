package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// EntryPauses is jprobes from Linux 4.0 to 4.14, the last kernel that had them: functions
// are not followed from the jump to the entry to the jump back.
var EntryPauses = add(Design{
	Design: probes.Design{
		Name:  "2015-entry-pauses",
		Title: "as in 4.0: the function graph tracer pauses in the entry of a jprobe",
		From:  `Linux 4.0, arch/x86/kernel/kprobes/core.c, setjmp_pre_handler(), longjmp_break_handler()`,
		Order: mutexOrder,
		Fails: []probes.Failure{entryStranded},
	},
	Has: Entries | Graphs,
	New: func(k *sim.K, text *Text) Scheme {
		return &entryPauses{batchKprobes{newMutexKprobes(k, text, as2618)}}
	},
})

// entryPauses has the functions that are different.
type entryPauses struct{ batchKprobes }

// RegisterJprobe is register_jprobe(), with another setjmp_pre_handler().
func (d *entryPauses) RegisterJprobe(k *sim.K, jp *Jprobe) error {
	return registerEntry(k, d, jp, func(k *sim.K) {
		d.cpus.setjmp(k, jp)
		d.text.pauseGraphTracing(k)
	})
}

// JprobeReturn is part of [JumpProber].
func (d *entryPauses) JprobeReturn(k *sim.K) *Slot {
	d.text.unpauseGraphTracing(k)
	return d.batchKprobes.JprobeReturn(k)
}
