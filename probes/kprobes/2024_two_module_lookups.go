package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// TwoModuleLookups is kprobes up to Linux 6.8: whether the address is that of code,
// and which module it belongs to, are two looks at the list of modules. A module that
// is taken off in between makes the address one of the core kernel, so no reference is
// taken.
var TwoModuleLookups = addModern(Design{
	Design: probes.Design{
		Name:  "2024-two-module-lookups",
		Title: "as in 6.8: one look tells that it is text, another whose",
		From:  `Linux 6.8, kernel/kprobes.c, check_kprobe_address_safe(); commit 325f3fb551f8 "kprobes: Fix possible use-after-free issue on kprobe registration"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "register-while-the-module-goes",
				Title:    "BUG: unable to handle kernel paging request in arm_kprobe_ftrace",
				Why:      "between the two looks the module is taken off the list: no reference is taken, and the text goes before the probe is armed",
			},
			{
				Scenario: "register-while-the-module-goes",
				Title:    "BUG: unable to handle kernel paging request in disarm_kprobe_ftrace",
				Why:      "the module was gone for kprobes before the probe was in the table, so nobody tells the probe, which is disarmed when its text has gone",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.checkKprobeAddressSafe = twoModuleLookups{d}.checkKprobeAddressSafe
		return d
	},
})

// checkKprobeAddressSafe is check_kprobe_address_safe().
func (d twoModuleLookups) checkKprobeAddressSafe(k *sim.K, a Addr) (*sim.Module, error) {
	w := &d.text.insns[a].where
	if w.kind != moduleText {
		return d.today.checkKprobeAddressSafe(k, a)
	}
	if w.module.DereferenceSched(k) == nil { // is_module_text_address()
		return nil, sim.EINVAL
	}
	mod := w.module.DereferenceSched(k) // __module_text_address()
	if mod != nil && !k.TryModuleGet(mod) {
		return nil, sim.ENOENT
	}
	return mod, nil
}

// twoModuleLookups has the functions that are different.
type twoModuleLookups struct{ *today }
