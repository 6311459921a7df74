package vm

import (
	"slices"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm/x86"
)

// CPU is a processor that executes a program in the address space that is active
// on it. It has a TLB, which keeps translations until they are flushed.
//
// As a rule a run of instructions belongs to one step, and its accesses to memory
// are not declared: that is for executing programs, fast. In an address space
// that is [MM.Watched] every access is a step of its own, fetches of instructions
// included, and an entry of the TLB that is out of date is noticed when it is used
// ([StaleTLB]).
type CPU struct {
	*x86.CPU
	mm  *MM
	k   *sim.K // who executes on it
	tlb sim.Object

	// Of a watched address space.
	entries []tlbEntry
	acted   bool // the instruction has taken a step
	last    uint64
	how     x86.Access // last and how: the end of the access before, and its kind
}

type tlbEntry struct {
	vpn uint64
	pte pte
}

// StaleTLB is the use of an entry of a TLB that the page table does not confirm,
// when no flush of it is under way: somebody has forgotten to flush it.
var StaleTLB = sim.Kind{Name: "stale-tlb", Class: "BUG: stale TLB entry used"}

var (
	opSwitchMM = sim.NewOp("switch_mm(%s)")
	opUserMode = sim.NewOp("user_mode(%s)")
	opAccess   = [...]sim.Op{
		x86.Fetch:  sim.NewOp("fetch via %s"),
		x86.Read:   sim.NewOp("load via %s"),
		x86.Write:  sim.NewOp("store via %s"),
		x86.Modify: sim.NewOp("load via %s"),
		x86.Atomic: sim.NewOp("locked access via %s"),
	}
)

// NewCPU returns a processor on which no address space is active.
func NewCPU(k *sim.K, name string) *CPU {
	c := &CPU{}
	c.tlb.Init(k, name)
	c.CPU = x86.New(c)
	return c
}

// MM is the address space that is active on the processor, nil if there is none.
func (c *CPU) MM() *MM { return c.mm }

// SwitchMM is switch_mm(): it makes mm the active address space, or none if it is
// nil, and empties the TLB.
func (c *CPU) SwitchMM(k *sim.K, mm *MM) {
	if c.mm == mm {
		return
	}
	if old := c.mm; old != nil {
		k.Step(opSwitchMM, &old.pgd, sim.Write)
		old.cpus = slices.DeleteFunc(old.cpus, func(o *CPU) bool { return o == c })
		c.mm = nil
		c.forget(0, ^uint64(0))
	}
	if mm != nil {
		k.Step(opSwitchMM, &mm.pgd, sim.Write)
		mm.cpus = append(mm.cpus, c)
		c.mm = mm
	}
}

// Run lets the program go on for up to n instructions, and says how many it has
// completed and what ended the run, see [x86.CPU.Run]. An address space must be
// active. It is one step, or in one that is watched a step for each access.
func (c *CPU) Run(k *sim.K, n uint64) (done uint64, e x86.Exception) {
	c.k = k
	if !c.mm.Watched {
		k.Step(opUserMode, &c.mm.pgd, sim.Read)
		return c.CPU.Run(n)
	}
	for done < n && e.Kind == x86.None {
		c.acted = false
		var one uint64
		one, e = c.CPU.Run(1)
		done += one
		for r := range 16 {
			k.Machine().Fold(c.Reg(r))
		}
		k.Machine().Fold(c.RIP())
	}
	return done, e
}

// Translate walks the page table, see [x86.Memory]. It is called by the processor.
func (c *CPU) Translate(addr uint64, size int, access x86.Access) (f *x86.Frame, keep, present bool) {
	if c.mm.Watched {
		f, present = c.translateWatched(addr, size, access)
		return f, false, present
	}
	e := c.mm.pt.get(addr >> pageShift)
	if !e.allows(access) {
		return nil, false, e.present()
	}
	c.dirty(e, access)
	return frameOf(e.page), true, true
}

// dirty makes the page of a file dirty when it is about to be written: the bit of
// the page table entry, and what is done with it later, at once.
func (c *CPU) dirty(e pte, access x86.Access) {
	if writes(access) && !e.anon() {
		pagecache.DirtyPage(c.k, e.page)
	}
}

func writes(access x86.Access) bool { return access >= x86.Write }

// allows says whether the program may use the page in this way.
func (e pte) allows(access x86.Access) bool {
	need := pteUser
	switch {
	case access == x86.Fetch:
		need |= pteExec
	case writes(access):
		need |= pteWrite
	}
	return e.present() && e.bits&need == need
}

// frameOf is the frame of a page, the same for all who map it.
func frameOf(p *pagecache.Page) *x86.Frame {
	if f, ok := p.Watcher().(*x86.Frame); ok {
		return f
	}
	f := x86.NewFrame(p.Bytes())
	p.Watch(f)
	return f
}

// translateWatched is Translate for an access that is a step. The access to the
// second page of an operand that crosses into it belongs to that to the first.
func (c *CPU) translateWatched(addr uint64, size int, access x86.Access) (*x86.Frame, bool) {
	k, mm, vpn := c.k, c.mm, addr>>pageShift
	if !c.continues(addr, access) {
		k.Step(opAccess[access], &c.tlb, sim.Read)
	}
	c.acted, c.last, c.how = true, addr+uint64(size), access
	k.Touch(&mm.pgd, sim.Read)
	now := mm.pt.get(vpn)
	e, hit := c.cached(vpn)
	if !hit || !e.allows(access) { // then the hardware looks again
		if !now.allows(access) {
			if k.Tracing() {
				k.Note("%#x: page fault, present %t", addr, now.present())
			}
			return nil, now.present()
		}
		e = now
		c.fill(vpn, e)
	} else if (now.page != e.page || now.bits&e.bits != e.bits) && !mm.flushing(vpn) {
		k.Fail(&sim.Violation{Kind: StaleTLB, Subject: e.page.String() + " in the TLB of " + c.tlb.Name()})
	}
	mode := sim.Read
	if access == x86.Write || access == x86.Atomic {
		mode = sim.Write
	}
	pagecache.UseBytes(k, e.page, mode)
	c.dirty(e, access)
	if k.Tracing() {
		k.Note("%#x in %s", addr, e.page)
	}
	return frameOf(e.page), true
}

// continues says whether an access is to the second page of one that has been
// translated for its first page. A fetch asks for the first byte only.
func (c *CPU) continues(addr uint64, access x86.Access) bool {
	if !c.acted || access != c.how || addr&(pageSize-1) != 0 {
		return false
	}
	if access == x86.Fetch {
		return c.last>>pageShift == addr>>pageShift-1
	}
	return c.last == addr
}

// cached is the entry of the TLB for a page.
func (c *CPU) cached(vpn uint64) (pte, bool) {
	for _, e := range c.entries {
		if e.vpn == vpn {
			return e.pte, true
		}
	}
	return pte{}, false
}

func (c *CPU) fill(vpn uint64, e pte) {
	c.entries = slices.DeleteFunc(c.entries, func(o tlbEntry) bool { return o.vpn == vpn })
	c.entries = append(c.entries, tlbEntry{vpn, e})
}

// forget drops the translations of the pages from start up to end.
func (c *CPU) forget(start, end uint64) {
	c.entries = slices.DeleteFunc(c.entries, func(e tlbEntry) bool { return start <= e.vpn && e.vpn < end })
	if end-start > flushCeiling {
		c.Flush()
		return
	}
	for vpn := start; vpn < end; vpn++ {
		c.FlushPage(vpn << pageShift)
	}
}
