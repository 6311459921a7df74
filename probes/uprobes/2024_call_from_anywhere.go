package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CallFromAnywhere is [Today] with the system call of trampolines as in Linux 6.11 to
// 6.13: where there is no trampoline, the address of one is an error, and compared all
// the same.
var CallFromAnywhere = add(Design{
	Design: probes.Design{
		Name:  "2024-call-from-anywhere",
		Title: "the system call uretprobe is accepted where there is no trampoline",
		From:  "Linux 6.13, before commit fa6192adc32f",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "system-call-without-a-trampoline",
				Title:    "BUG: system call of a trampoline accepted in program",
				Why:      "the address of no trampoline is minus one, and the program can be where that leads to",
			},
			leaseLost,
		},
	},
	Has:   Returns,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.returns.anywhere = true
		return d
	},
})
