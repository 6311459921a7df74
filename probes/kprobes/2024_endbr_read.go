package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// EndbrRead is kprobes from Linux 5.18 to 6.8: whether there is an ENDBR at the
// address is looked up by simply reading it, before anything has been said about the
// address.
var EndbrRead = addModern(Design{
	Design: probes.Design{
		Name:  "2024-endbr-read",
		Title: "as in 6.8: the address is read before it is checked",
		From:  `Linux 6.8, arch/x86/kernel/kprobes/core.c, arch_adjust_kprobe_addr(); commit 4e51653d5d87 "kprobes/x86: Use copy_from_kernel_nofault() to read from unsafe address"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "probe-at-no-address",
				Title:    "BUG: unable to handle kernel paging request in arch_adjust_kprobe_addr",
				Why:      "the first bytes are read before the address is checked",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.adjustAddr = d.archAdjustKprobeAddr
		return d
	},
})

// archAdjustKprobeAddr is arch_adjust_kprobe_addr().
func (d *today) archAdjustKprobeAddr(k *sim.K, a Addr) error {
	if d.text.insns[a].where.kind == unmapped {
		k.Fail(&sim.Violation{Kind: sim.Oops, Subject: "supervisor read access in kernel mode at " + d.text.Name(a)})
	}
	return nil
}
