package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// PokeArray is text_poke_bp() in Linux 5.4: what is being patched is an array, and how
// many entries it has tells whether there is one. Both are withdrawn at once when all is
// written.
//
//	text_mutex  patching
var PokeArray = addModern(Design{
	Design: probes.Design{
		Name:  "2019-poke-array",
		Title: "as in 5.4: the array of what is patched is withdrawn while an exception looks at it",
		From:  `Linux 5.4, arch/x86/kernel/alternative.c, text_poke_bp_batch(); commit 285a54efe386 "x86/alternatives: Sync bp_patching update for avoiding NULL pointer exception"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "probe-hit-while-text-is-patched",
			Title:    "BUG: unable to handle kernel paging request in poke_int3_handler",
			Why:      "the exception of a probe finds that there are entries, and the array is withdrawn before it looks at it: no CPU is told once all is written",
		}},
	},
	Has: Patching,
	New: func(k *sim.K, text *Text) Scheme {
		d := &pokeArray{today: newToday(k, text)}
		d.vec.Init(k, "bp_patching.vec", nil)
		d.entries.Init(k, "bp_patching.nr_entries", 0)
		d.former.textPokeBpBatch = d.textPokeBpBatch
		d.former.pokeInt3Handler = d.pokeInt3Handler
		return d
	},
})

// pokeArray has bp_patching.
type pokeArray struct {
	*today
	vec     sim.Word[*textPokeLoc]
	entries sim.Word[int]
}

// textPokeBpBatch is text_poke_bp_batch(). The caller holds text_mutex.
func (d *pokeArray) textPokeBpBatch(k *sim.K, tp *textPokeLoc) {
	d.vec.Write(k, tp)
	d.entries.Write(k, 1)
	k.SmpWmb()
	d.text.pokeBreakpointFirst(k, tp)
	d.entries.Write(k, 0)
	d.vec.Write(k, nil)
}

// pokeInt3Handler is poke_int3_handler().
func (d *pokeArray) pokeInt3Handler(k *sim.K, a Addr) bool {
	k.SmpRmb()
	if d.entries.Read(k) == 0 {
		return false
	}
	tp := d.vec.Read(k)
	if tp == nil {
		k.Fail(&sim.Violation{Kind: sim.Oops, Subject: "bp_patching.vec is NULL"})
	}
	return tp.addr == a
}
