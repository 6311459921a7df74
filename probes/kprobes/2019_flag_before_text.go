package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// FlagBeforeText is the optimizer from Linux 2.6.38 to 5.4: it takes
// KPROBE_FLAG_OPTIMIZED off a probe and then puts a breakpoint in place of its jump.
var FlagBeforeText = addModern(Design{
	Design: probes.Design{
		Name:  "2019-flag-before-text",
		Title: "as in 5.3: a probe is no longer optimised before its jump is gone",
		From:  `Linux 5.3, kernel/kprobes.c; commit f66c0447cca1 "kprobes: Set unoptimized flag after unoptimizing code"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "hit-while-unoptimizing",
				Title:    "invalid opcode: 0000 [#1] in execute",
				Why:      "the exception takes a probe for a plain one whose jump is half taken back, and comes back into the operand",
			},
			{
				Scenario: "probe-before-a-jump-that-goes",
				Title:    "invalid opcode: 0000 [#1] in execute",
				Why:      "as in hit-while-unoptimizing, where the jump goes because of a probe in front of it",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.unoptimized = flagBeforeText{d}.unoptimized
		return d
	},
})

// unoptimized is do_unoptimize_kprobes() for one probe.
func (d flagBeforeText) unoptimized(k *sim.K, p *Kprobe, rest Byte) {
	p.clear(k, optimized)
	d.text.pokeJump(k, p.Addr, rest, Own)
}

// flagBeforeText has the functions that are different.
type flagBeforeText struct{ *today }
