package kprobes

import "trapline/sim"

// Slot is an instruction slot: memory that holds a copy of an instruction, to be
// stepped out of line.
type Slot struct {
	sim.Life
	o    sim.Object
	insn Addr
	used bool
}

// insnCache is the page of slots, as of get_insn_slot().
type insnCache struct {
	mutex sim.Mutex
	data  sim.Data
	slots [3]Slot
}

var (
	opCopy = sim.NewOp("arch_copy_kprobe(%s)")
	opStep = sim.NewOp("single-step %s")
)

func (c *insnCache) init(k *sim.K) {
	k.MutexInit(&c.mutex, "kprobe_insn_mutex")
	c.data.Init(k, "kprobe_insn_slots")
	for i := range c.slots {
		c.slots[i].o.Init(k, "insn_slot["+string(rune('0'+i))+"]")
	}
}

// getInsnSlot is get_insn_slot(): the first slot that is free, nil if there is none. It may
// sleep.
func (c *insnCache) getInsnSlot(k *sim.K) *Slot {
	k.MutexLock(&c.mutex)
	defer k.MutexUnlock(&c.mutex)
	c.data.Write(k)
	for i := range c.slots {
		if s := &c.slots[i]; !s.used {
			s.used = true
			k.Born(&s.Life, s.o.Name())
			return s
		}
	}
	return nil
}

// archPrepareKprobe is arch_prepare_kprobe(): it gives a probe a slot, and says whether there was one.
func (c *insnCache) archPrepareKprobe(k *sim.K, p *Kprobe) bool {
	s := c.getInsnSlot(k)
	p.slot.Set(k, s)
	return s != nil
}

// freeInsnSlot is free_insn_slot(): whoever asks next may be given the slot. It may sleep.
func (c *insnCache) freeInsnSlot(k *sim.K, s *Slot) {
	k.MutexLock(&c.mutex)
	defer k.MutexUnlock(&c.mutex)
	c.data.Write(k)
	s.used = false
	k.Release(&s.Life)
}

// noInsn is bytes that are no instruction.
const noInsn Addr = -1

// copyInsn is arch_copy_kprobe(): it fills the slot with the instruction at a.
func (s *Slot) copyInsn(k *sim.K, a Addr) {
	k.Step(opCopy, &s.o, sim.Write)
	s.insn = a
}

// Step is a CPU executing what is in the slot: the address of the instruction that
// it is a copy of.
func (s *Slot) Step(k *sim.K) Addr {
	k.Step(opStep, &s.o, sim.Read)
	k.Machine().Fold(uint64(s.insn))
	return s.insn
}
