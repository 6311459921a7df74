package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// DisabledInTheWay is kprobes up to Linux 6.2: a probe that is disabled is not in the
// way of the jump of another one, though it may have its own jump still.
var DisabledInTheWay = addModern(Design{
	Design: probes.Design{
		Name:  "2023-disabled-in-the-way",
		Title: "as in 6.2: a probe is optimised over one that has its jump still",
		From:  `Linux 6.2, arch/x86/kernel/kprobes/opt.c, arch_check_optimized_kprobe(); commit f1c97a1b4ef7 "x86/kprobes: Fix arch_check_optimized_kprobe check within optimized_kprobe range"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "probe-before-a-jump-that-goes",
				Title:    "invalid opcode: 0000 [#1] in execute",
				Why:      "the detour of the new probe leads behind the instruction of the old one, into the operand of the jump that is there still",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.inTheWay = func(other *Kprobe) bool { return !other.off() }
		return d
	},
})
