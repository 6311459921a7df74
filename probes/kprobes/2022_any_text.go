package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// AnyText is kprobes up to Linux 5.19: whatever kernel_text_address() takes for text
// may be probed, which includes trampolines of ftrace, BPF programs, and the slots of
// kprobes themselves.
var AnyText = addModern(Design{
	Design: probes.Design{
		Name:  "2022-any-text",
		Title: "as in 5.19: a probe may lie in text that its owner frees unasked",
		From:  `Linux 5.19, kernel/kprobes.c, check_kprobe_address_safe(); commit 28f6c37a2910 "kprobes: Forbid probing on trampoline and BPF code areas"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "probe-in-a-trampoline",
				Title:    "KASAN: slab-use-after-free Read in recover_probed_instruction",
				Why:      "the BPF program is freed before its instruction is saved",
			},
			{
				Scenario: "probe-in-a-trampoline",
				Title:    "KASAN: slab-use-after-free Write in arm_kprobe",
				Why:      "it is freed before the breakpoint is written",
			},
			{
				Scenario: "probe-in-a-trampoline",
				Title:    "KASAN: slab-use-after-free Write in disarm_kprobe",
				Why:      "it is freed with the breakpoint in it, and unregister_kprobe writes to what was its memory",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.checkKprobeAddressSafe = anyText{d}.checkKprobeAddressSafe
		return d
	},
})

// checkKprobeAddressSafe is check_kprobe_address_safe().
func (d anyText) checkKprobeAddressSafe(k *sim.K, a Addr) (*sim.Module, error) {
	if d.text.insns[a].where.kind == noText { // kernel_text_address()
		return nil, nil
	}
	return d.today.checkKprobeAddressSafe(k, a)
}

// anyText has the functions that are different.
type anyText struct{ *today }
