package kprobes

import "trapline/sim"

// EarlyPatcher is what a design with [EarlyPatching] has besides: text that is
// written in place, as long as no other CPU executes it. Interrupts of the own CPU may.
type EarlyPatcher interface {
	Scheme
	// TextPokeEarly writes the instruction at a.
	TextPokeEarly(k *sim.K, a Addr, b Byte)
	// OptimizeNops makes one long nop of the two short ones at a.
	OptimizeNops(k *sim.K, a Addr)
}

// TextPokeEarly is part of [EarlyPatcher].
func (d *today) TextPokeEarly(k *sim.K, a Addr, b Byte) { d.former.textPokeEarly(k, a, b) }

// OptimizeNops is part of [EarlyPatcher].
func (d *today) OptimizeNops(k *sim.K, a Addr) { d.former.optimizeNops(k, a) }

// textPokeEarly is text_poke_early(): the CPU forgets what it has fetched before an
// interrupt can come.
func (d *today) textPokeEarly(k *sim.K, a Addr, b Byte) {
	flags := k.LocalIRQSave()
	d.text.rewrite(k, a, b)
	d.text.syncCore(k)
	k.LocalIRQRestore(flags)
}

// optimizeNops is optimize_nops().
func (d *today) optimizeNops(k *sim.K, a Addr) {
	flags := k.LocalIRQSave()
	d.text.addNops(k, a)
	d.text.syncCore(k)
	k.LocalIRQRestore(flags)
}

// addNops writes the long nop, one byte after the other.
func (t *Text) addNops(k *sim.K, a Addr) {
	t.rewrite(k, a, LongNop)
	t.rewrite(k, a+1, Garbage)
}

// rewrite is a byte being written that is to stay.
func (t *Text) rewrite(k *sim.K, a Addr, b Byte) {
	t.pokeText(k, a, b)
	t.insns[a].own = b
}

// Look is the kernel reading the byte at a as data.
func (t *Text) Look(k *sim.K, a Addr) Byte { return t.readText(k, a) }

var opSerialize = sim.NewOp("sync_core(%s)")

// syncCore is sync_core(): this CPU forgets what it has fetched.
func (t *Text) syncCore(k *sim.K) {
	if core := t.cores.of(k); core != nil {
		k.Step(opSerialize, &core.o, sim.Write)
		t.serialise(k, core)
	}
}

// SharesCPU says that what runs as k, an interrupt, is on the CPU of a task.
func (t *Text) SharesCPU(k *sim.K, with sim.TaskID) {
	if int(with) >= len(t.cores.all) {
		return
	}
	for len(t.cores.all) <= int(k.ID()) {
		t.cores.all = append(t.cores.all, nil)
	}
	t.cores.all[k.ID()] = t.cores.all[with]
}

var _ = sim.Plumbing("add_nops", "rewrite", "look")
