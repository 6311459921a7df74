package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Nop10Restored is [Nop10] with all ten bytes put back when the probe goes, which the
// authors of the series saw would not do.
var Nop10Restored = add(Design{
	Design: probes.Design{
		Name:  "2026-nop10-restored",
		Title: "all bytes of an optimised probe are put back",
		From:  "linux-trace-kernel, 2026, \"Move optimized uprobe from nop5 to nop10\": why the bytes of the call are left",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "two-handlers-remove-a-call",
				Title:    "BUG: middle of an instruction executed in execute_if_mapped",
				Why:      "the thread has executed the first half, and the other one is not there any more",
			},
			{
				Scenario: "unregister-before-the-call",
				Title:    "BUG: middle of an instruction executed in execute",
				Why:      "the thread has executed the first half, and the other one is not there any more",
			},
		},
	},
	Has:   Filters | Calls,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.calls.nop, d.calls.copied, d.calls.restores = nop10, true, true
		return d
	},
})
