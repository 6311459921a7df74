package kprobes

import "trapline/sim"

// MmBorrower is what a design with [Borrowing] has besides: text_poke() through a
// mapping that is in no page tables but those of poking_mm, which a CPU loads for a
// moment.
type MmBorrower interface {
	Scheme
	// NewMm makes the page tables of a process. It is for the setup.
	NewMm(k *sim.K, name string) *Mm
	// RunLazily says that a CPU, by its number, runs a kernel thread with the page tables
	// of whatever ran there before. It is for the setup.
	RunLazily(k *sim.K, cpu int, mm *Mm)
	// TextPoke is text_poke(): it writes to the text, through poking_mm.
	TextPoke(k *sim.K, a Addr, b Byte)
	// ExitMmap is exit_mmap(): the process has ended, and its page tables are freed when
	// no CPU has them loaded.
	ExitMmap(k *sim.K, mm *Mm)
}

// Mm is the page tables of a process.
type Mm struct{ life sim.Life }

// tlb is cpu_tlbstate of a CPU.
type tlb struct {
	loaded sim.Word[*Mm] // loaded_mm, nil for init_mm and poking_mm
	lazy   bool          // is_lazy, which the CPU itself knows
}

// NewMm is part of [MmBorrower].
func (d *today) NewMm(k *sim.K, name string) *Mm {
	mm := &Mm{}
	k.Born(&mm.life, name)
	return mm
}

// RunLazily is part of [MmBorrower].
func (d *today) RunLazily(k *sim.K, cpu int, mm *Mm) {
	for len(d.tlbs) <= cpu {
		t := &tlb{}
		t.loaded.Init(k, "cpu_tlbstate.loaded_mm", nil)
		d.tlbs = append(d.tlbs, t)
	}
	d.tlbs[cpu].loaded.Write(k, mm)
	d.tlbs[cpu].lazy = true
}

// TextPoke is part of [MmBorrower].
func (d *today) TextPoke(k *sim.K, a Addr, b Byte) {
	k.MutexLock(&d.textMutex)
	flags := k.LocalIRQSave()
	t := d.tlbs[k.SmpProcessorID()]
	prev := d.former.useTemporaryMm(k, t)
	d.text.pokeText(k, a, b)
	switchMm(k, t, prev) // unuse_temporary_mm()
	k.LocalIRQRestore(flags)
	k.MutexUnlock(&d.textMutex)
}

// useTemporaryMm is use_temporary_mm(): it returns what is to be loaded again, and that is
// nothing borrowed.
func (d *today) useTemporaryMm(k *sim.K, t *tlb) *Mm {
	if t.lazy {
		leaveMm(k, t)
	}
	return loadTemporaryMm(k, t)
}

// loadTemporaryMm is the rest of use_temporary_mm().
func loadTemporaryMm(k *sim.K, t *tlb) *Mm {
	prev := t.loaded.Read(k)
	switchMm(k, t, nil)
	return prev
}

// leaveMm is leave_mm(): a CPU gives up page tables that it has only borrowed.
func leaveMm(k *sim.K, t *tlb) {
	switchMm(k, t, nil)
	t.lazy = false
}

var opLoadMm = sim.NewOp("load_new_mm_cr3(%s)")

// switchMm is switch_mm_irqs_off(). Interrupts are off.
func switchMm(k *sim.K, t *tlb, mm *Mm) {
	if mm != nil {
		k.Use(opLoadMm, &mm.life)
	}
	t.loaded.Write(k, mm)
}

// ExitMmap is part of [MmBorrower]: exit_mmap() where page tables must not be loaded
// anywhere when they are freed, as on Xen.
func (d *today) ExitMmap(k *sim.K, mm *Mm) {
	var mask []int
	k.PreemptDisable()
	for cpu, t := range d.tlbs {
		if t.loaded.Read(k) == mm {
			mask = append(mask, cpu)
		}
	}
	k.SmpCallFunctionMany(mask, func(k *sim.K) { dropMmRefThisCPU(k, d.tlbs[k.SmpProcessorID()], mm) }, true)
	k.PreemptEnable()
	k.Kfree(&mm.life)
}

// dropMmRefThisCPU is drop_mm_ref_this_cpu().
func dropMmRefThisCPU(k *sim.K, t *tlb, mm *Mm) {
	if t.loaded.Read(k) == mm {
		leaveMm(k, t)
	}
}
