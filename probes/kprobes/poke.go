package kprobes

import "trapline/sim"

// Patcher is what a design with [Patching] has besides: text_poke_bp(), with which
// static keys and ftrace patch text that is being executed.
type Patcher interface {
	Scheme
	// TextPokeBp patches the instruction at a. The caller may sleep.
	TextPokeBp(k *sim.K, a Addr, b Byte)
	// PokeInt3Handler is what the int3 exception asks before it asks for probes: if
	// the breakpoint at a is there because the text is being patched, it returns true,
	// and the CPU does what the new instruction does.
	PokeInt3Handler(k *sim.K, a Addr) bool
}

// textPokeLoc is struct text_poke_loc: what is being patched.
type textPokeLoc struct {
	addr Addr
	b    Byte
}

// patching is bp_desc: what exceptions are told of who patches.
type patching struct {
	refs sim.AtomicInt // one for who patches, and one for each exception that looks
	vec  sim.Word[*textPokeLoc]
}

func (p *patching) init(k *sim.K) {
	p.refs.Init(k, "bp_desc.refs", 0)
	p.vec.Init(k, "bp_desc.vec", nil)
}

// TextPokeBp is part of [Patcher].
func (d *today) TextPokeBp(k *sim.K, a Addr, b Byte) {
	k.MutexLock(&d.textMutex)
	d.former.textPokeBpBatch(k, &textPokeLoc{a, b})
	k.MutexUnlock(&d.textMutex)
}

// PokeInt3Handler is part of [Patcher].
func (d *today) PokeInt3Handler(k *sim.K, a Addr) bool { return d.former.pokeInt3Handler(k, a) }

// textPokeBpBatch is text_poke_bp_batch(): what the exceptions need is theirs until
// the last of them has put it back. The caller holds text_mutex.
func (d *today) textPokeBpBatch(k *sim.K, tp *textPokeLoc) {
	d.patching.vec.Write(k, tp)
	d.patching.refs.SetRelease(k, 1)
	d.text.pokeBreakpointFirst(k, tp)
	dropAndWait(k, &d.patching.refs)
}

// dropAndWait drops the reference of who patches, and waits for all others.
func dropAndWait(k *sim.K, refs *sim.AtomicInt) {
	if refs.DecAndTest(k) {
		return
	}
	for refs.ReadAcquire(k) != 0 { // atomic_cond_read_acquire()
		k.CPURelax()
	}
}

// pokeInt3Handler is poke_int3_handler(), for any breakpoint: that of a probe, too. Interrupts
// are off.
func (d *today) pokeInt3Handler(k *sim.K, a Addr) bool {
	if !d.patching.refs.IncNotZero(k) { // try_get_desc()
		return false
	}
	tp := d.patching.vec.Read(k)
	d.patching.refs.Dec(k) // put_desc()
	return tp.addr == a
}

// pokeBreakpointFirst is the rounds of text_poke_bp_batch(): a breakpoint, and then
// what is to be, each seen by all before the next one.
func (t *Text) pokeBreakpointFirst(k *sim.K, tp *textPokeLoc) {
	t.pokeText(k, tp.addr, Int3)
	t.sync(k)
	t.pokeText(k, tp.addr, tp.b)
	t.sync(k)
}

var _ = sim.Plumbing("drop_and_wait", "poke_breakpoint_first")
