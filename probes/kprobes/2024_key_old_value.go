package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KeyOldValue is static keys in the release candidates of Linux 6.11: whether the last
// user has gone is asked of what the counter held before, and every number but 0 is a yes.
var KeyOldValue = addModern(Design{
	Design: probes.Design{
		Name:  "2024-key-old-value",
		Title: "as in 6.11-rc: the value that cmpxchg found is taken for success",
		From:  "Linux 6.11-rc, kernel/jump_label.c, __static_key_slow_dec_cpuslocked(); commit 224fa3552029",
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "two-users-of-a-key",
			Title:    "BUG: static key enabled and its code is not in use_key",
			Why:      "there is one user, and then two: cmpxchg finds 2 and changes nothing, and the code is taken away",
		}},
	},
	Has: Keys,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.lastDec = keyOldValue{d}.staticKeySlowDecCpuslocked
		return d
	},
})

// keyOldValue has the function that is different.
type keyOldValue struct{ *today }

// staticKeySlowDecCpuslocked is __static_key_slow_dec_cpuslocked(). The caller holds
// jump_label_mutex.
func (d keyOldValue) staticKeySlowDecCpuslocked(k *sim.K) {
	if d.key.enabled.Cmpxchg(k, 1, 0) != 0 {
		d.jumpLabelUpdate(k, Own)
	} else {
		k.WarnOn(!d.decNotOne(k), "the key has no user")
	}
}
