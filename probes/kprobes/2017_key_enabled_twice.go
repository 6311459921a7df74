package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KeyEnabledTwice is static_key_enable() up to Linux 4.13: a user is counted if there
// was none a moment ago.
var KeyEnabledTwice = addModern(Design{
	Design: probes.Design{
		Name:  "2017-key-enabled-twice",
		Title: "as in 4.13: whether a key is enabled is asked outside of the lock",
		From:  `Linux 4.13, include/linux/jump_label.h, static_key_enable(); commit 1dbb6704de91 "jump_label: Fix concurrent static_key_enable/disable()"`,
		Order: todaysOrder,
		Fails: []probes.Failure{countedTwice},
	},
	Has: Keys,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.staticKeyEnable = keyEnabledTwice{d}.staticKeyEnable
		d.former.staticKeyDisable = keyEnabledTwice{d}.staticKeyDisable
		return d
	},
})

var countedTwice = probes.Failure{
	Scenario: "key-enabled-by-two",
	Title:    "WARNING in static_key_disable",
	Why:      "both find that there is no user, both count one, and who disables the key finds two",
}

// keyEnabledTwice has the functions that are different.
type keyEnabledTwice struct{ *today }

// staticKeyEnable is static_key_enable().
func (d keyEnabledTwice) staticKeyEnable(k *sim.K) {
	if d.staticKeyCount(k) == 0 {
		d.former.staticKeySlowInc(k)
	}
}

// staticKeyDisable is static_key_disable().
func (d keyEnabledTwice) staticKeyDisable(k *sim.K) {
	count := d.staticKeyCount(k)
	k.WarnOn(count > 1, "the key is counted")
	if count != 0 {
		d.former.staticKeySlowDec(k)
	}
}

// staticKeyCount is static_key_count(): while the first user is at work there is one.
func (d keyEnabledTwice) staticKeyCount(k *sim.K) int32 {
	if n := d.key.enabled.Read(k); n >= 0 {
		return n
	}
	return 1
}
