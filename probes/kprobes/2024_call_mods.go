package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CallMods is static calls up to Linux 6.10: when a module could not be loaded, each of
// its calls is cleaned up, whether it was set up or not.
var CallMods = addModern(Design{
	Design: probes.Design{
		Name:  "2024-call-mods",
		Title: "as in 6.10: what was not set up is taken down",
		From:  `Linux 6.10, kernel/static_call_inline.c, static_call_del_module(); commit 4b30051c4864 "static_call: Handle module init failure correctly in static_call_del_module()"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "module-fails-to-load",
			Title:    "general protection fault in static_call_del_module",
			Why:      "the call that there was no memory for still has the pointer to the places in the kernel, with its lowest bit set, and it is taken for a list",
		}},
	},
	Has: Calls,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.hasMods = func(*StaticCall) bool { return true }
		return d
	},
})
