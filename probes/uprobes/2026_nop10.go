package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Nop10 is [Today] with what was changed in 2026: an optimised probe is an instruction
// that leaves the red zone alone, and then the call. A child inherits the trampoline.
// When the probe goes, the bytes of the call stay.
var Nop10 = add(Design{
	Design: probes.Design{
		Name:  "2026-nop10",
		Title: "the call comes behind a lea, and children inherit the trampoline",
		From:  "linux-trace-kernel, 2026, \"Move optimized uprobe from nop5 to nop10\", \"uprobes/x86: Allow to copy uprobe trampolines on fork\"",
		Order: todaysOrder,
	},
	Has:   Filters | Calls,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.calls.nop, d.calls.copied = nop10, true
		return d
	},
})
