package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/sim"
)

// Patch has a task patch the jump label, from here on.
func (w *World) Patch(k *sim.K, b kprobes.Byte) {
	w.patched = true
	w.Scheme.(kprobes.Patcher).TextPokeBp(k, keyLabel, b)
}

// RunLabel is an interrupt running through the jump label, on the CPU of the task that
// patches it: nothing comes between what it reads there and what it executes.
func (w *World) RunLabel(k *sim.K) {
	written := w.Text.Look(k, keyLabel)
	if ran := w.Text.Fetch(k, keyLabel); ran != written {
		k.Fail(&sim.Violation{Kind: StaleText, Subject: ran.String() + " is executed where its own CPU has written " + written.String()})
	}
}

// RunNops is an interrupt running through the nops, as they are.
func (w *World) RunNops(k *sim.K) {
	ran := w.Text.Fetch(k, nops)
	if ran == kprobes.Own {
		ran = w.Text.Fetch(k, nopsNext)
	}
	if ran == kprobes.Garbage {
		k.Fail(&sim.Violation{Kind: InvalidOpcode, Subject: "one byte of a long nop, and one of two short ones"})
	}
}

// GoInterrupted adds a task that is alone on its CPU, but for an interrupt that comes at
// some time from its beginning on.
func (w *World) GoInterrupted(name string, irq, f func(k *sim.K)) {
	var id sim.TaskID
	id = w.M.GoOn(0, name, func(k *sim.K) {
		k.InterruptOn(sim.ThisCPU, "irq", func(k *sim.K) {
			w.Text.SharesCPU(k, id)
			irq(k)
		})
		f(k)
	})
	w.Text.AddCPU(w.K, id, name)
}
