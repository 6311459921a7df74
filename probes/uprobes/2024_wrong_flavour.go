package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// WrongFlavour is [TasksTrace] with the mistake of those whose handlers are BPF programs
// in Linux 6.0 to 6.12: what a handler works with is given back after an ordinary grace
// period, and handlers that may sleep are readers of RCU tasks trace.
var WrongFlavour = add(Design{
	Design: probes.Design{
		Name:  "2024-wrong-flavour",
		Title: "what handlers use is given back after a grace period of the wrong kind",
		From:  "Linux 6.12, before commit ef1b808e3b7c (bpf: Fix UAF via mismatching bpf_prog/attachment RCU flavors), CVE-2024-56675",
		Order: tasksTraceOrder,
		Fails: []probes.Failure{
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace",
			},
			mremapForgets,
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace: what they use is freed",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace",
			},
			mremapForgetsToo,
			mremapForgetsAgain,
			movedOffTheList,
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "an ordinary grace period does not wait for handlers, which are readers of RCU tasks trace",
			},
		},
	},
	drawn: movedAndOverwritten,
	New:   func(k *sim.K) Scheme { return newTasksTrace(k, tasksTraceRules{ordinary: true}) },
})
