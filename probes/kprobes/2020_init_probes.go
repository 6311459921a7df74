package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// InitProbes is kprobes up to Linux 5.8: the probes of a module go with it, and those in
// the text that only the start of the kernel needs stay when that is freed.
var InitProbes = addModern(Design{
	Design: probes.Design{
		Name:  "2020-init-probes",
		Title: "as in 5.8: probes in text that is freed after the start stay",
		From:  `Linux 5.8, init/main.c, kernel_init(); commit 82d083ab60c3 "kprobes: tracing/kprobes: Fix to kill kprobes on initmem after boot"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "probe-in-text-of-the-start",
			Title:    "KASAN: slab-use-after-free Write in disarm_kprobe",
			Why:      "unregister_kprobe writes the instruction back, where there is none any more",
		}},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.kprobeFreeInitMem = func(*sim.K) {}
		return d
	},
})
