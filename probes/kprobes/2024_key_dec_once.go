package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KeyDecOnce is static keys in Linux 6.11: the last user is one who can exchange 1 for
// 0 under the lock, and whoever cannot must find more than one.
var KeyDecOnce = addModern(Design{
	Design: probes.Design{
		Name:  "2024-key-dec-once",
		Title: "as in 6.11: who is not the last user is taken for one of many",
		From:  `Linux 6.11, kernel/jump_label.c, __static_key_slow_dec_cpuslocked(); commit 1d7f856c2ca4 "jump_label: Fix static_key_slow_dec() yet again"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "two-users-of-a-key",
			Title:    "WARNING in static_key_slow_dec_cpuslocked",
			Why:      "between the exchange, which finds two users, and the attempt to count one less, the other user goes: there is one, and so neither does it",
		}},
	},
	Has: Keys,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.lastDec = keyDecOnce{d}.staticKeySlowDecCpuslocked
		return d
	},
})

// keyDecOnce has the function that is different.
type keyDecOnce struct{ *today }

// staticKeySlowDecCpuslocked is __static_key_slow_dec_cpuslocked(). The caller holds
// jump_label_mutex.
func (d keyDecOnce) staticKeySlowDecCpuslocked(k *sim.K) {
	if d.key.enabled.Cmpxchg(k, 1, 0) == 1 {
		d.jumpLabelUpdate(k, Own)
	} else {
		k.WarnOn(!d.decNotOne(k), "the key has one user")
	}
}
