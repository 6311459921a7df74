package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// PokeLazily is text_poke() from Linux 5.2 to 5.9: what was loaded before is loaded
// again afterwards, even if it was only borrowed, and its owner has gone meanwhile.
var PokeLazily = addModern(Design{
	Design: probes.Design{
		Name:  "2020-poke-lazily",
		Title: "as in 5.9: text_poke() goes back to page tables that nobody keeps for it",
		From:  `Linux 5.9, arch/x86/kernel/alternative.c, use_temporary_mm(); commit abee7c494d8c "x86/alternatives: Don't call text_poke() in lazy TLB mode"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "process-ends-while-text-is-poked",
			Title:    "KASAN: slab-use-after-free Read in switch_mm",
			Why:      "while poking_mm is loaded the CPU is not asked to give up what it is going to load again",
		}},
	},
	Has: Borrowing,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.useTemporaryMm = loadTemporaryMm
		return d
	},
})
