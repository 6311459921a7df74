package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// EarlySyncLate is text_poke_early() up to Linux 6.6: the CPU forgets what it has fetched
// when interrupts are on again, and one may have come.
var EarlySyncLate = addModern(Design{
	Design: probes.Design{
		Name:  "2023-early-sync-late",
		Title: "as in 6.6: sync_core() behind local_irq_restore()",
		From:  `Linux 6.6, arch/x86/kernel/alternative.c, text_poke_early(); commit 3ea1704a9296 "x86/alternatives: Sync core before enabling interrupts"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "interrupt-after-an-early-patch",
			Title:    "BUG: instruction executed that is not there in run_label",
			Why:      "the interrupt comes as soon as interrupts are on, and its CPU executes what it has fetched before the patch",
		}},
	},
	Has: EarlyPatching,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.textPokeEarly = earlySyncLate{d}.textPokeEarly
		return d
	},
})

// earlySyncLate has the function that is different.
type earlySyncLate struct{ *today }

// textPokeEarly is text_poke_early().
func (d earlySyncLate) textPokeEarly(k *sim.K, a Addr, b Byte) {
	flags := k.LocalIRQSave()
	d.text.rewrite(k, a, b)
	k.LocalIRQRestore(flags)
	d.text.syncCore(k)
}
