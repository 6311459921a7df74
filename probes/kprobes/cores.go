package kprobes

import "trapline/sim"

// CPUs as far as they see the text late. A CPU has fetched, and perhaps decoded, what
// it executes next some time ago: after a write it may find what was there before
// for any time, until it has executed an instruction that serialises. The return from
// an exception is one; an interrupt that another CPU sends, another. So
// text_poke_sync(), which sends one to all and waits, is what makes a write visible.
// It comes to a CPU when that has interrupts on.
//
// Where they see nothing late the interrupt still waits for exceptions.
type cores struct {
	sent  bool // the interrupts are
	late  bool
	text  *Text
	setup *sim.K
	all   []*core
}

// core is the CPU of a task.
type core struct {
	o     sim.Object
	seen  []int // by instruction: how much of its past is past for this CPU
	syncs int   // counts what has serialised it
}

// irqsOn is the way to a CPU that is not in an exception.
const irqsOn sim.Wait = 1

var (
	opSyncCore = sim.NewOp("do_sync_core(%s)")
	opIret     = sim.NewOp("iret(%s)")
)

// SyncInterrupts has text_poke_sync() send its interrupts. It is for the setup.
func (t *Text) SyncInterrupts() { t.cores.sent = true }

// SeenLate has writes seen late, too. It is for the setup, before anything is written.
func (t *Text) SeenLate() {
	t.cores.sent, t.cores.late = true, true
	for i := range t.insns {
		t.insns[i].past = append(t.insns[i].past, t.insns[i].b)
	}
}

// AddCPU is for the setup: a task has a CPU, which may see things late.
func (t *Text) AddCPU(k *sim.K, id sim.TaskID, name string) {
	if !t.cores.sent {
		return
	}
	for len(t.cores.all) <= int(id) {
		t.cores.all = append(t.cores.all, nil)
	}
	c := &core{seen: make([]int, len(t.insns))}
	c.o.Init(k, "cpu of "+name)
	c.o.Allow(irqsOn)
	for i := range t.insns {
		c.seen[i] = len(t.insns[i].past) - 1
	}
	t.cores.all[id] = c
}

func (c *cores) of(k *sim.K) *core {
	if int(k.ID()) >= len(c.all) {
		return nil
	}
	return c.all[k.ID()]
}

// written is called with each write. What the setup writes is nothing new to anybody.
func (c *cores) written(k *sim.K) {
	if k != c.setup {
		return
	}
	for _, core := range c.all {
		if core != nil {
			for i := range core.seen {
				core.seen[i] = len(c.text.insns[i].past) - 1
			}
		}
	}
}

// see is what a CPU finds at a, in a step that reads it: in place of the newest byte
// any from that on which it saw last. It is whole unless the CPU was serialised since
// the step.
func (t *Text) see(k *sim.K, a Addr) (b Byte, whole bool) {
	i, core := &t.insns[a], t.cores.of(k)
	if core == nil {
		return i.b, true
	}
	k.Touch(&core.o, sim.Write)
	b = i.b
	if t.cores.late && i.where.life == nil {
		newest, syncs := len(i.past)-1, core.syncs
		if old := newest - core.seen[a]; old > 0 {
			newest -= k.Choose(old+1, "how late")
			k.Touch(&core.o, sim.Write) // that was a step, too
			if core.syncs != syncs {
				return 0, false
			}
		}
		core.seen[a] = newest
		b = i.past[newest]
	}
	if b == Int3 {
		core.o.Forbid(irqsOn)
	}
	return b, true
}

// Iret is the return from an exception.
func (t *Text) Iret(k *sim.K) {
	core := t.cores.of(k)
	if core == nil {
		return
	}
	k.Step(opIret, &core.o, sim.Write)
	t.serialise(k, core)
	core.o.Allow(irqsOn)
}

func (t *Text) serialise(k *sim.K, core *core) {
	core.syncs++
	for i := range t.insns {
		if insn := &t.insns[i]; t.cores.late && insn.where.life == nil {
			core.seen[i] = len(insn.past) - 1
			k.Touch(&insn.o, sim.Read)
		}
	}
}

// sync is text_poke_sync(): when it returns, every CPU sees what was written, and none
// is in an exception that it was in before. The caller may sleep.
func (t *Text) sync(k *sim.K) {
	for _, core := range t.cores.all {
		if core != nil {
			k.StepWait(opSyncCore, &core.o, sim.Write, irqsOn)
			t.serialise(k, core)
		}
	}
}

// pokeJump is text_poke_bp() for a jump, or for what a jump is to be replaced by: a
// breakpoint first, so that nobody runs into the half-written rest.
func (t *Text) pokeJump(k *sim.K, a Addr, head, tail Byte) {
	t.pokeText(k, a, Int3)
	t.sync(k)
	t.pokeText(k, a+1, tail)
	t.sync(k)
	if head != Int3 {
		t.pokeText(k, a, head)
		t.sync(k)
	}
}
