package live

import (
	"bytes"

	"trapline/pagecache"
	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/insn"
	"trapline/sim"
	"trapline/vm"
)

const (
	breakpoint = 0xcc
	pageSize   = pagecache.PageSize
)

// install is install_breakpoint(). The caller holds mm->mmap_sem for writing.
func (k *Kernel) install(h *sim.K, s *space, vma *vm.VMA, u *uprobe, addr uint64) error {
	if err := k.prepare(h, s, vma, u, addr); err != nil {
		return err
	}
	first := !s.has
	s.has = true
	counted := false
	err := writeText(h, s.mm, addr, []byte{breakpoint}, func(old []byte) (bool, error) {
		if old[0] == breakpoint || counted {
			return old[0] != breakpoint, nil
		}
		counted = true
		return true, k.updateRefCtr(h, s, u, 1)
	})
	if err != nil && first {
		s.has = false
	}
	return err
}

// remove is remove_breakpoint(). The caller holds mm->mmap_sem for writing.
func (k *Kernel) remove(h *sim.K, s *space, u *uprobe, addr uint64) error {
	in, text := k.insnAt(s, u, addr)
	if in == nil {
		return nil
	}
	delete(s.placed, addr)
	if in.CanOptimise && s.calls(h, addr) {
		if k.defects.Has(defects.CallStays) {
			return nil
		}
		return writeText(h, s.mm, addr, text[:insn.CallLen], func([]byte) (bool, error) { return true, nil })
	}
	counted := false
	return writeText(h, s.mm, addr, text[:1], func(old []byte) (bool, error) {
		if old[0] != breakpoint || counted {
			return old[0] == breakpoint, nil
		}
		counted = true
		return true, k.updateRefCtr(h, s, u, -1)
	})
}

// prepare is prepare_uprobe(): it looks at the instruction, once for all who map
// the file. A kernel without the defect looks at what each of them has in memory.
func (k *Kernel) prepare(h *sim.K, s *space, vma *vm.VMA, u *uprobe, addr uint64) error {
	if k.defects.Has(defects.FileBytes) {
		if u.insn != nil {
			return nil
		}
		text, err := pagecache.DoGenericMappingRead(h, vma.Inode, int64(u.offset), insn.TextSize)
		if err != nil {
			return err
		}
		in, err := insn.Analyse(text, addr, k.defects)
		u.insn = in
		return err
	}
	if _, ok := s.placed[addr]; ok {
		return nil
	}
	var p placed
	n := insn.TextSize
	if left := int(vma.End - addr); left < n {
		n = left
	}
	if err := readText(h, s.mm, addr, p.text[:n]); err != nil {
		return err
	}
	for i := range n { // other probes are not part of the program
		if q, ok := s.placed[addr+uint64(i)]; ok && p.text[i] == breakpoint {
			p.text[i] = q.text[0]
		}
	}
	in, err := insn.Analyse(p.text[:n], addr, k.defects)
	if err != nil {
		return err
	}
	p.insn = in
	s.placed[addr] = p
	return nil
}

// insnAt is the instruction of a probe as an address space has it, and its bytes.
func (k *Kernel) insnAt(s *space, u *uprobe, addr uint64) (*insn.Insn, [insn.TextSize]byte) {
	if !k.defects.Has(defects.FileBytes) {
		p := s.placed[addr]
		return p.insn, p.text
	}
	if u.insn == nil {
		return nil, [insn.TextSize]byte{}
	}
	return u.insn, u.insn.Text
}

// readText copies what is at addr, whatever the program may do there. The caller
// holds mm->mmap_sem.
func readText(h *sim.K, mm *vm.MM, addr uint64, p []byte) error {
	for len(p) > 0 {
		page, _, err := vm.GetUserPage(h, mm, addr, false)
		if err != nil {
			return err
		}
		off := int(addr % pageSize)
		n := min(len(p), pageSize-off)
		pagecache.LoadBytes(h, page, off, p[:n])
		pagecache.PageCacheRelease(h, page)
		p, addr = p[n:], addr+uint64(n)
	}
	return nil
}

// writeText is uprobe_write(): it writes bytes, all in one page, into the
// program's own copy of the page, if agree, which sees what was there, says so. The
// caller holds mm->mmap_sem for writing.
func writeText(h *sim.K, mm *vm.MM, addr uint64, text []byte, agree func(old []byte) (bool, error)) error {
	for {
		page, vma, err := vm.GetUserPage(h, mm, addr, false)
		if err != nil {
			return err
		}
		done, err := replaceText(h, vma, page, addr, text, agree)
		pagecache.PageCacheRelease(h, page)
		if done || err != nil {
			return err
		}
	}
}

// replaceText is writeText for the page that is mapped. It is false without an
// error if another one is mapped by now.
func replaceText(h *sim.K, vma *vm.VMA, page *pagecache.Page, addr uint64, text []byte, agree func(old []byte) (bool, error)) (bool, error) {
	off := int(addr % pageSize)
	old := make([]byte, len(text))
	pagecache.LoadBytes(h, page, off, old)
	if ok, err := agree(bytes.Clone(old)); !ok || err != nil {
		return true, err
	}
	private, err := pagecache.AllocUserPage(h, vma.MM.Zone, addr/pageSize)
	if err != nil {
		return true, err
	}
	defer pagecache.PageCacheRelease(h, private)
	pagecache.CopyUserHighpage(h, private, page)
	pagecache.StoreBytes(h, private, off, text)
	err = vm.ReplacePage(h, vma, addr, page, private)
	return err == nil, ignore(err, sim.EAGAIN)
}

func ignore(err error, which sim.Errno) error {
	if err == which {
		return nil
	}
	return err
}
