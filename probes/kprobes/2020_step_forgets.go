package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// StepForgets is kprobes up to Linux 5.10, which stepped instructions with the trap
// flag: when the copy of an instruction faults the step is over, and the bit of the
// debug control register that was cleared for it stays so.
var StepForgets = addModern(Design{
	Design: probes.Design{
		Name:  "2020-step-forgets",
		Title: "as in 5.10: what was switched off for the step stays off if the step faults",
		From:  `Linux 5.10, arch/x86/kernel/kprobes/core.c, kprobe_fault_handler(); commit 78ff2733ff35 "x86/kprobes: Restore BTF if the single-stepping is cancelled"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "step-that-faults",
				Title:    "BUG: state of the CPU not restored in fork",
				Why:      "the bit is put back behind the step, which there is not",
			},
		},
	},
	Has: Faults,
	New: func(k *sim.K, text *Text) Scheme { return &stepping{today: newToday(k, text), restores: false} },
})

// FaultHandler is what a design with [Faults] has besides.
type FaultHandler interface {
	Scheme
	// KprobeFaultHandler is called when the copy of an instruction faults.
	KprobeFaultHandler(k *sim.K)
}

// stepping is kprobes with the trap flag. One hit at a time is what scenarios ask of it.
type stepping struct {
	*today
	restores bool
	saved    bool // of the debug control register
}

// KprobeHandler is kprobe_int3_handler() up to setup_singlestep(), which has the
// processor trap after the instruction, and so must keep it from trapping at branches
// only.
func (d *stepping) KprobeHandler(k *sim.K, addr Addr) (Trap, *Slot) {
	trap, slot := d.today.KprobeHandler(k, addr)
	if trap == Handled {
		branches := d.text.Branches(k)
		d.saved, *branches = *branches, false // clear_btf()
	}
	return trap, slot
}

// PostKprobeHandler is kprobe_debug_handler().
func (d *stepping) PostKprobeHandler(k *sim.K) {
	d.restoreBTF(k)
	d.today.PostKprobeHandler(k)
}

// KprobeFaultHandler is kprobe_fault_handler(): the copy has faulted, and the fault is
// going to be handled as if at the instruction.
func (d *stepping) KprobeFaultHandler(k *sim.K) {
	if d.restores {
		d.restoreBTF(k)
	}
	d.cpus.this(k).current = nil
	k.PreemptEnable()
}

func (d *stepping) restoreBTF(k *sim.K) { *d.text.Branches(k) = d.saved }
