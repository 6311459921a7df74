package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// PokeOnStack is text_poke_bp() from Linux 5.6 to 6.0: exceptions count themselves in
// the descriptor of what is being patched, which lies on the stack of who patches. To
// find it takes a load, and to be counted in it another step.
//
//	text_mutex  patching
var PokeOnStack = addModern(Design{
	Design: probes.Design{
		Name:  "2022-poke-on-stack",
		Title: "as in 6.0: the count of those who look is in what they look at",
		From:  `Linux 6.0, arch/x86/kernel/alternative.c, try_get_desc(); the fix "x86/alternatives: Fix race in try_get_desc()" is in 6.1`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "probe-hit-while-text-is-patched",
			Title:    "KASAN: slab-use-after-free Write in try_get_desc",
			Why:      "the exception has loaded the address of the descriptor, and counts itself in it when the function that it belonged to has returned",
		}},
	},
	Has: Patching,
	New: func(k *sim.K, text *Text) Scheme {
		d := &pokeOnStack{today: newToday(k, text)}
		d.desc.Init(k, "bp_desc", nil)
		d.former.textPokeBpBatch = d.textPokeBpBatch
		d.former.pokeInt3Handler = d.pokeInt3Handler
		return d
	},
})

// pokeOnStack has bp_desc, which was a pointer.
type pokeOnStack struct {
	*today
	desc sim.Word[*patchingDesc]
}

// patchingDesc is struct bp_patching_desc.
type patchingDesc struct {
	life sim.Life // of the stack frame
	refs sim.AtomicInt
	tp   *textPokeLoc
}

// textPokeBpBatch is text_poke_bp_batch(). The caller holds text_mutex.
func (d *pokeOnStack) textPokeBpBatch(k *sim.K, tp *textPokeLoc) {
	desc := &patchingDesc{tp: tp}
	k.Born(&desc.life, "desc")
	desc.refs.Init(k, "desc.refs", 1)
	desc.refs.In(&desc.life)
	d.desc.Write(k, desc)
	d.text.pokeBreakpointFirst(k, tp)
	d.desc.Write(k, nil)
	dropAndWait(k, &desc.refs)
	k.Kfree(&desc.life) // the function returns
}

// pokeInt3Handler is poke_int3_handler().
func (d *pokeOnStack) pokeInt3Handler(k *sim.K, a Addr) bool {
	desc := d.tryGetDesc(k)
	if desc == nil {
		return false
	}
	k.SmpMbBeforeAtomic()
	desc.refs.Dec(k) // put_desc()
	return desc.tp.addr == a
}

// tryGetDesc is try_get_desc().
func (d *pokeOnStack) tryGetDesc(k *sim.K) *patchingDesc {
	desc := d.desc.Read(k)
	if desc == nil || !desc.refs.IncNotZero(k) {
		return nil
	}
	return desc
}
