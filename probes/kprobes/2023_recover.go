package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// RecoverTooLittle is kprobes from Linux 5.5 to 6.2: the instruction under an
// optimised probe is taken from its copy only if the probe is on no list of the
// optimizer's. One that waits to be unoptimised has its jump in the text still.
var RecoverTooLittle = addModern(Design{
	Design: probes.Design{
		Name:  "2023-recover",
		Title: "as in 6.2: a probe that waits to be unoptimised passes for one without a jump",
		From:  `Linux 6.2, arch/x86/kernel/kprobes/opt.c, __recover_optprobed_insn(); commit 868a6fc0ca24 "x86/kprobes: Fix __recover_optprobed_insn check optimizing logic"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "second-probe-under-a-jump",
				Title:    "BUG: wrong instruction stepped in do_int3",
				Why:      "the operand of a jump that is about to be taken back is saved as the instruction",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.jumpIsThere = func(ap *Kprobe) bool { return ap.queue == none }
		return d
	},
})
