package uprobes

import (
	"slices"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// countedUprobe is struct uprobe from 2011 on: one for each place in a file that is
// probed, with the consumers who want to be called, in a tree by place.
type countedUprobe struct {
	sim.Life
	ref    sim.Kref
	inode  *pagecache.Inode
	offset int64
	arch   archUprobe

	registerRwsem sim.RWSem // since v3.9; see [merged]
	copyMutex     sim.Mutex // since v3.7: preparing
	consumerRwsem sim.RWSem
	consumersData sim.Data // protected by consumerRwsem
	consumers     []*Probe
	any           sim.Word[bool] // uprobe->consumers != NULL, as one reads it without a lock
}

// uprobesTree is uprobes_tree, protected by treelock. The tree has a reference to
// each of its uprobes.
type uprobesTree struct {
	treelock sim.SpinLock
	data     sim.Data
	uprobes  []*countedUprobe // by place: an rb-tree in the kernel
}

var _ = sim.Plumbing("write_opcode", "write_text", "find_uprobe")

func (t *uprobesTree) init(k *sim.K) {
	k.SpinLockInit(&t.treelock, "uprobes_treelock")
	t.data.Init(k, "uprobes_tree")
}

// findUprobe is find_uprobe(): the uprobe of a place with a reference, nil if there
// is none.
func (t *uprobesTree) findUprobe(k *sim.K, inode *pagecache.Inode, offset int64) *countedUprobe {
	k.SpinLock(&t.treelock)
	defer k.SpinUnlock(&t.treelock)
	return t.find(k, inode, offset)
}

// find is __find_uprobe(). The caller holds treelock.
func (t *uprobesTree) find(k *sim.K, inode *pagecache.Inode, offset int64) *countedUprobe {
	t.data.Read(k)
	for _, u := range t.uprobes {
		if u.inode == inode && u.offset == offset {
			k.KrefGet(&u.ref)
			return u
		}
	}
	return nil
}

// allocUprobe is alloc_uprobe(): it finds the uprobe of a place or enters a new one,
// and returns it with a reference. It returns ENOMEM.
func (t *uprobesTree) allocUprobe(k *sim.K, p *Probe) (*countedUprobe, error) {
	u := &countedUprobe{inode: p.Inode, offset: p.Offset}
	if err := k.Kzalloc(&u.Life, "uprobe", sim.GFPKernel); err != nil {
		return nil, err
	}
	u.init(k)

	k.SpinLock(&t.treelock)
	cur := t.find(k, p.Inode, p.Offset) // insert_uprobe()
	if cur == nil {
		t.data.Write(k)
		t.uprobes = append(t.uprobes, u)
		k.KrefGet(&u.ref)
	}
	k.SpinUnlock(&t.treelock)
	if cur != nil {
		k.Kfree(&u.Life)
		return cur, nil
	}
	return u, nil
}

// init is for a new uprobe. It has one reference.
func (u *countedUprobe) init(k *sim.K) {
	u.arch.init(k, &u.Life)
	k.KrefInit(&u.ref, "uprobe->ref")
	u.ref.In(&u.Life)
	k.InitRWSem(&u.registerRwsem, "uprobe->register_rwsem")
	k.MutexInit(&u.copyMutex, "uprobe->copy_mutex")
	k.InitRWSem(&u.consumerRwsem, "uprobe->consumer_rwsem")
	u.consumersData.Init(k, "uprobe->consumers")
	u.consumersData.In(&u.Life)
	u.any.Init(k, "uprobe->consumers", false)
	u.any.In(&u.Life)
}

// deleteUprobe is delete_uprobe(): it takes the uprobe out of the tree, and drops
// the reference of the tree.
func (t *uprobesTree) deleteUprobe(k *sim.K, u *countedUprobe) {
	k.SpinLock(&t.treelock)
	t.data.Write(k)
	t.uprobes = slices.DeleteFunc(t.uprobes, func(o *countedUprobe) bool { return o == u })
	k.SpinUnlock(&t.treelock)
	u.put(k)
}

// put is put_uprobe().
func (u *countedUprobe) put(k *sim.K) {
	k.KrefPut(&u.ref, func(k *sim.K) { k.Release(&u.Life) })
}

// buildProbeList is build_probe_list(): the uprobes of what an area maps, each with a
// reference.
func (t *uprobesTree) buildProbeList(k *sim.K, vma *vm.VMA) []*countedUprobe {
	k.SpinLock(&t.treelock)
	defer k.SpinUnlock(&t.treelock)
	t.data.Read(k)
	var list []*countedUprobe
	for _, u := range t.uprobes {
		if _, mapped := u.vaddrIn(k, vma); u.inode == vma.Inode && mapped {
			k.KrefGet(&u.ref)
			list = append(list, u)
		}
	}
	return list
}

// vaddrIn is where an area maps the place of the uprobe, if it does. The caller holds
// mm->mmap_sem or i_mmap_mutex.
func (u *countedUprobe) vaddrIn(k *sim.K, vma *vm.VMA) (vaddr uint64, mapped bool) {
	addr, mapped := vm.VMAAddress(k, vma, uint64(u.offset)>>pagecache.PageShift)
	return addr + uint64(u.offset)&(pagecache.PageSize-1), mapped
}

// addConsumer is add_consumer(). It says whether there were none before.
func (u *countedUprobe) addConsumer(k *sim.K, p *Probe) (first bool) {
	k.DownWrite(&u.consumerRwsem)
	defer k.UpWrite(&u.consumerRwsem)
	u.consumersData.Write(k)
	u.consumers = append([]*Probe{p}, u.consumers...)
	if first = len(u.consumers) == 1; first {
		u.any.Write(k, true)
	}
	return first
}

// delConsumer is del_consumer(). It says whether the consumer was there, and whether
// any are left.
func (u *countedUprobe) delConsumer(k *sim.K, p *Probe) (found, left bool) {
	k.DownWrite(&u.consumerRwsem)
	defer k.UpWrite(&u.consumerRwsem)
	u.consumersData.Read(k)
	i := slices.Index(u.consumers, p)
	if i >= 0 {
		u.consumersData.Write(k)
		u.consumers = slices.Delete(slices.Clone(u.consumers), i, i+1)
		if len(u.consumers) == 0 {
			u.any.Write(k, false)
		}
	}
	return i >= 0, len(u.consumers) > 0
}

// filterChain is filter_chain(): whether anybody wants to be called. Nobody here says
// that they do not want certain processes.
func (u *countedUprobe) filterChain(k *sim.K) bool {
	k.DownRead(&u.consumerRwsem)
	defer k.UpRead(&u.consumerRwsem)
	u.consumersData.Read(k)
	return len(u.consumers) > 0
}

// handlerChain is handler_chain(): it calls all consumers.
func (u *countedUprobe) handlerChain(k *sim.K) {
	k.DownRead(&u.consumerRwsem)
	defer k.UpRead(&u.consumerRwsem)
	u.consumersData.Read(k)
	for _, p := range u.consumers {
		p.Handler(k)
	}
}

// offsetIn is the place in the file that an area maps at addr. The caller holds
// mm->mmap_sem.
func offsetIn(vma *vm.VMA, addr uint64) int64 {
	return int64(addr-vma.Start) + int64(vma.Pgoff)<<pagecache.PageShift
}
