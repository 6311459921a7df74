package uprobes

import (
	"slices"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// OutOfBounds is an access beyond the memory that it is for.
var OutOfBounds = sim.Kind{Name: "out-of-bounds", Class: "KASAN: out-of-bounds"}

// counters are the counters in programs of those who probe them, and what is special in
// a design about them. A counter lies in a page of the file that the program maps for
// writing. If that is not mapped yet, the change has to wait.
type counters struct {
	delayedUprobeLock sim.Mutex
	delayed           sim.Data // delayed_uprobe_list
	list              []delayedUprobe
	// outlives leaves what waits for a counter alone when the uprobe is freed.
	outlives bool
	// unaligned lets a counter lie anywhere.
	unaligned bool
}

// delayedUprobe is struct delayed_uprobe.
type delayedUprobe struct {
	u  *tracedUprobe
	mm *vm.MM
}

// counterBytes is sizeof(short).
const counterBytes = 2

var opRefCtrOffset = sim.NewOp("%s->ref_ctr_offset")

var _ = sim.Plumbing("counter_area", "delayed_uprobe_add", "delayed_uprobe_delete")

func (c *counters) init(k *sim.K) {
	k.MutexInit(&c.delayedUprobeLock, "delayed_uprobe_lock")
	c.delayed.Init(k, "delayed_uprobe_list")
}

// mapsCounter says whether the area maps the counter of an uprobe, for writing, and
// where: valid_ref_ctr_vma().
func (u *tracedUprobe) mapsCounter(k *sim.K, vma *vm.VMA) (vaddr uint64, mapped bool) {
	if vma.Inode != u.inode || vma.Flags&(vm.VMWrite|vm.VMShared) != vm.VMWrite {
		return 0, false
	}
	addr, mapped := vm.VMAAddress(k, vma, uint64(u.counter)>>pagecache.PageShift)
	return addr + uint64(u.counter)&(pagecache.PageSize-1), mapped
}

// updateRefCtr is update_ref_ctr(): the counter of the process changes by n. The caller
// holds mm->mmap_sem.
func (d *today) updateRefCtr(k *sim.K, u *tracedUprobe, mm *vm.MM, n int) {
	for _, vma := range vm.Areas(k, mm) { // find_ref_ctr_vma()
		if vaddr, mapped := u.mapsCounter(k, vma); mapped {
			d.addToCounter(k, mm, vaddr, n)
			return
		}
	}
	k.MutexLock(&d.counters.delayedUprobeLock)
	if n > 0 {
		d.delayedUprobeAdd(k, u, mm)
	} else {
		d.delayedUprobeDelete(k, func(o delayedUprobe) bool { return o == delayedUprobe{u, mm} })
	}
	k.MutexUnlock(&d.counters.delayedUprobeLock)
}

// addToCounter is __update_ref_ctr(): it writes to the page as far as it has mapped it.
func (d *today) addToCounter(k *sim.K, mm *vm.MM, vaddr uint64, n int) {
	page, _, err := vm.GetUserPage(k, mm, vaddr, true)
	if err != nil {
		return
	}
	defer pagecache.PageCacheRelease(k, page)
	off := int(vaddr & (pagecache.PageSize - 1))
	if off+counterBytes > pagecache.PageSize {
		k.Fail(&sim.Violation{Kind: OutOfBounds, Subject: "the counter begins with the last byte of the page"})
	}
	b := pagecache.ReadBytes(k, page, off, counterBytes)
	v := int(b[0]) + int(b[1])<<8 + n
	pagecache.WriteBytes(k, page, off, []byte{byte(v), byte(v >> 8)})
}

func (d *today) delayedUprobeAdd(k *sim.K, u *tracedUprobe, mm *vm.MM) {
	d.counters.delayed.Write(k)
	d.counters.list = append(d.counters.list, delayedUprobe{u, mm})
}

func (d *today) delayedUprobeDelete(k *sim.K, which func(delayedUprobe) bool) {
	d.counters.delayed.Write(k)
	d.counters.list = slices.DeleteFunc(slices.Clone(d.counters.list), which)
}

// delayedUprobeRemove is delayed_uprobe_remove().
func (d *today) delayedUprobeRemove(k *sim.K, which func(delayedUprobe) bool) {
	k.MutexLock(&d.counters.delayedUprobeLock)
	defer k.MutexUnlock(&d.counters.delayedUprobeLock)
	d.delayedUprobeDelete(k, which)
}

// delayedRefCtrInc is delayed_ref_ctr_inc(): the area may map counters that changes wait
// for. The caller holds mm->mmap_sem for writing.
func (d *today) delayedRefCtrInc(k *sim.K, vma *vm.VMA) {
	k.MutexLock(&d.counters.delayedUprobeLock)
	defer k.MutexUnlock(&d.counters.delayedUprobeLock)
	d.counters.delayed.Read(k)
	for _, du := range d.counters.list {
		if du.mm != vma.MM {
			continue
		}
		k.Use(opRefCtrOffset, &du.u.Life)
		if vaddr, mapped := du.u.mapsCounter(k, vma); mapped {
			d.addToCounter(k, du.mm, vaddr, 1)
			d.delayedUprobeDelete(k, func(o delayedUprobe) bool { return o == du })
		}
	}
}
