package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// StepRestores is the same with that commit. (Later kernels step without the trap flag, and
// has nothing to restore.)
var StepRestores = addModern(Design{
	Design: probes.Design{
		Name:  "2021-step-restores",
		Title: "the same, with the bit put right",
		From:  `Linux 5.10, arch/x86/kernel/kprobes/core.c, kprobe_fault_handler(); commit 78ff2733ff35 "x86/kprobes: Restore BTF if the single-stepping is cancelled"`,
		Order: todaysOrder,
	},
	Has: Faults,
	New: func(k *sim.K, text *Text) Scheme { return &stepping{today: newToday(k, text), restores: true} },
})
