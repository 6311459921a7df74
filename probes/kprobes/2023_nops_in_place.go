package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// NopsInPlace is optimize_nops() from Linux 6.3 to 6.6: nops are made longer where
// they are, byte by byte, with interrupts on.
var NopsInPlace = addModern(Design{
	Design: probes.Design{
		Name:  "2023-nops-in-place",
		Title: "as in 6.5: nops are rewritten with interrupts on",
		From:  `Linux 6.5, arch/x86/kernel/alternative.c, optimize_nops(); commit 2dc419613805 "x86/alternatives: Disable interrupts and sync when optimizing NOPs in place"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "interrupt-while-nops-are-optimized",
			Title:    "invalid opcode: 0000 [#1] in run_nops",
			Why:      "an interrupt of the same CPU runs through nops of which the first byte is that of a long one and the next is not, or the other way round",
		}},
	},
	Has: EarlyPatching,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.optimizeNops = nopsInPlace{d}.optimizeNops
		return d
	},
})

// nopsInPlace has the function that is different.
type nopsInPlace struct{ *today }

// optimizeNops is optimize_nops().
func (d nopsInPlace) optimizeNops(k *sim.K, a Addr) { d.text.addNops(k, a) }
