package live

import (
	"slices"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/events"
	"trapline/probes/uprobes/insn"
	"trapline/sim"
	"trapline/vm"
)

// A place is where a probe is: a file, and the offset in it.
type place struct {
	file   string
	offset uint64
}

// A uprobe is struct uprobe: one for each place, whoever wants it.
type uprobe struct {
	place
	refCtr    uint64
	consumers []*consumer // the newest first
	insn      *insn.Insn  // once it has been looked at, UPROBE_COPY_INSN
	far       bool        // no trampoline can be reached
}

// A consumer is struct uprobe_consumer: an event that is enabled.
type consumer struct {
	id     uint64
	probe  *events.Probe
	uprobe *uprobe
}

// in is where the area maps the probe.
func (u *uprobe) in(vma *vm.VMA) (addr uint64, ok bool) {
	if vma.Inode == nil || vma.Name != "" || vma.Inode.Name != u.file {
		return 0, false
	}
	return inArea(vma, u.offset)
}

func inArea(vma *vm.VMA, offset uint64) (addr uint64, ok bool) {
	from := vma.Pgoff << 12
	if offset < from || offset-from >= vma.End-vma.Start {
		return 0, false
	}
	return vma.Start + offset - from, true
}

// register is uprobe_register().
func (k *Kernel) register(p *events.Probe) error {
	f := k.files.of(p.File)
	at := place{f.Name, p.Offset}
	if p.Offset > uint64(len(f.Content)) || p.RefCtr%2 != 0 {
		return sim.EINVAL
	}
	if !k.defects.Has(defects.LateRefusal) {
		end := min(p.Offset+insn.TextSize, uint64(len(f.Content)))
		if _, err := insn.Analyse(f.Content[p.Offset:end], p.Offset, k.defects); err != nil {
			return err
		}
	}
	u := k.byPlace[at]
	if u == nil {
		u = &uprobe{place: at, refCtr: p.RefCtr}
		k.byPlace[at] = u
		k.uprobes = append(k.uprobes, u)
	} else if u.refCtr != p.RefCtr {
		return sim.EINVAL
	}
	k.lastID++
	c := &consumer{id: k.lastID, probe: p, uprobe: u}
	u.consumers = slices.Insert(u.consumers, 0, c)
	k.attached[p] = c
	err := k.eachMapping(u, true, func(h *sim.K, s *space, vma *vm.VMA, addr uint64) error {
		return k.install(h, s, vma, u, addr)
	})
	if err != nil {
		k.unregister(p)
	}
	return err
}

// unregister is uprobe_unregister_nosync().
func (k *Kernel) unregister(p *events.Probe) {
	c := k.attached[p]
	if c == nil {
		return
	}
	delete(k.attached, p)
	u := c.uprobe
	u.consumers = slices.DeleteFunc(slices.Clone(u.consumers), func(d *consumer) bool { return d == c })
	if len(u.consumers) > 0 {
		return
	}
	_ = k.eachMapping(u, false, func(h *sim.K, s *space, _ *vm.VMA, addr uint64) error {
		if s.has {
			_ = k.remove(h, s, u, addr)
		}
		return nil
	})
	if len(u.consumers) == 0 {
		delete(k.byPlace, u.place)
		k.uprobes = slices.DeleteFunc(k.uprobes, func(v *uprobe) bool { return v == u })
	}
}

// eachMapping is register_for_each_vma(): it does something, with mm->mmap_sem
// held for writing, wherever a program of this run maps the probe.
func (k *Kernel) eachMapping(u *uprobe, register bool, do func(h *sim.K, s *space, vma *vm.VMA, addr uint64) error) error {
	h := k.handle()
	for _, s := range slices.Clone(k.spaces) {
		if h == nil || s.machine != h.Machine() || !vm.MMGetNotZero(h, s.mm) {
			continue
		}
		err := k.eachArea(h, s, u, register, do)
		vm.MMPut(h, s.mm)
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Kernel) eachArea(h *sim.K, s *space, u *uprobe, register bool, do func(h *sim.K, s *space, vma *vm.VMA, addr uint64) error) error {
	h.DownWrite(&s.mm.MmapSem)
	defer h.UpWrite(&s.mm.MmapSem)
	for _, vma := range vm.Areas(h, s.mm) {
		if addr, ok := u.in(vma); ok && validVMA(vma, register) {
			if err := do(h, s, vma, addr); err != nil {
				return err
			}
		}
	}
	return nil
}

// find is find_active_uprobe_rcu(): the probe at an address; without one, whether
// there is an int3.
func (k *Kernel) find(h *sim.K, mm *vm.MM, addr uint64) (u *uprobe, trap bool) {
	h.DownRead(&mm.MmapSem)
	defer h.UpRead(&mm.MmapSem)
	vma := vm.FindVMA(h, mm, addr)
	if vma == nil {
		return nil, false
	}
	if validVMA(vma, false) {
		u = k.byPlace[place{vma.Inode.Name, addr - vma.Start + vma.Pgoff<<12}]
	}
	if u == nil {
		var b [1]byte
		trap = readText(h, mm, addr, b[:]) == nil && b[0] == breakpoint
	}
	return u, trap
}
