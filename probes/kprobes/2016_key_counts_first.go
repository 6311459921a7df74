package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KeyCountsFirst is static keys up to Linux 4.6: the first user counts itself and then has
// the code patched, and whoever finds that there is a user goes on.
//
//	jump_label_mutex  patching
var KeyCountsFirst = addModern(Design{
	Design: probes.Design{
		Name:  "2016-key-counts-first",
		Title: "as in 4.5: a static key has a user before it has its code",
		From:  "Linux 4.5, kernel/jump_label.c, static_key_slow_inc(); commit 4c5ea0a9cd02",
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "two-users-of-a-key",
			Title:    "BUG: static key enabled and its code is not in use_key",
			Why:      "the second user finds that there is one, and goes on while the first one has yet to patch the code",
		}},
	},
	Has: Keys,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.staticKeySlowInc = keyCountsFirst{d}.staticKeySlowInc
		d.former.staticKeySlowDec = keyCountsFirst{d}.staticKeySlowDec
		d.former.slowIncCpuslocked = keyCountsFirst{d}.staticKeySlowInc
		d.former.slowDecCpuslocked = keyCountsFirst{d}.staticKeySlowDec
		return d
	},
})

// keyCountsFirst has the functions that are different.
type keyCountsFirst struct{ *today }

// staticKeySlowInc is static_key_slow_inc().
func (d keyCountsFirst) staticKeySlowInc(k *sim.K) {
	if d.key.enabled.IncNotZero(k) {
		return
	}
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.IncReturn(k) == 1 {
		d.jumpLabelUpdate(k, Branch)
	}
	k.MutexUnlock(&d.key.mutex)
}

// staticKeySlowDec is static_key_slow_dec(): atomic_dec_and_mutex_lock().
func (d keyCountsFirst) staticKeySlowDec(k *sim.K) {
	if d.decNotOne(k) {
		return
	}
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.DecAndTest(k) {
		d.jumpLabelUpdate(k, Own)
	}
	k.MutexUnlock(&d.key.mutex)
}
