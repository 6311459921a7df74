package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// BlacklistUnlocked is kprobes up to Linux 5.7: the blacklist is shown with no lock
// held.
var BlacklistUnlocked = addModern(Design{
	Design: probes.Design{
		Name:  "2020-blacklist-unlocked",
		Title: "as in 5.7: the blacklist is read without kprobe_mutex",
		From:  `Linux 5.7, kernel/kprobes.c, kprobe_blacklist_seq_show(); commit 4fdd88877e52 "kprobes: Lock kprobe_mutex while showing kprobe_blacklist"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "blacklist-shown-while-the-module-goes",
				Title:    "KASAN: slab-use-after-free Read in kprobe_blacklist_seq_show",
				Why:      "the entry at which the reader is goes with its module",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.showBlacklist = d.kprobeBlacklistSeqShow
		return d
	},
})
