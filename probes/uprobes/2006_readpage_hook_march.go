package uprobes

import (
	"slices"

	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// ReadpageHookMarch is the form that came to linux-kernel first, in March 2006, with the
// proposals of the review: the hooks compare the offset of the probe, and a hook without a
// module calls the method that the file has by now; the mutex that was taken under
// i_mmap_lock is gone, and the table is under a spinlock. Nobody holds that while text is
// changed: map_uprobe_page waits for the page, looks whether it has been read, and locks
// it. The text is changed once, not for each process, and the trap looks at the areas of
// the process without mmap_sem.
// The parts that are not mentioned are those of [ReadpageHook]. The three things that the
// review found are as posted: find_vma() in the trap, the page that is kept when
// map_uprobe_page fails, and the look at the page before it is locked.
var ReadpageHookMarch = add(Design{
	Design: probes.Design{
		Name:  "2006-readpage-hook-march",
		Title: "as posted in March, with what the review had asked for: looks at the page before it locks it, and at areas without mmap_sem",
		From:  `linux-kernel, 20 March 2006, Prasanna S Panchamukhi, "[1/3 PATCH] Kprobes: User space probes support- base interface" and "[2/3 PATCH]", with Andrew Morton's review, 20060320024248.426b97ec.akpm@osdl.org`,
		Order: []string{"mm->mmap_sem", "uprobe_mutex", "uprobe_lock"},
		Fails: slices.Concat(plantedTwice, noReadpages, failsAlike("BUG: program text corrupted in execute", writesZero,
			"fork-while-unregistering", "mmap-while-unregistering", "mremap-while-unregistering", "unregister-against-readpage"), []probes.Failure{
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the probe is taken out of the table before the breakpoint is taken out of the text",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "handler-reads-user-memory",
				Title:    "KCSAN: data-race in find_vma / insert_vma",
				Why:      "the trap looks for the area without mmap_sem, while another thread adds or frees one",
			},
			{
				Scenario: "hook-after-the-last-unregister",
				Title:    "KASAN: slab-use-after-free Read in do_generic_mapping_read",
				Why:      "the reader has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "invalidate-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "the page was dropped after it was found, and the breakpoint is in a page that is no longer in the file; or it was dropped later, and kp.opcode says that the breakpoint is there",
			},
			{
				Scenario: "invalidate-while-registering",
				Title:    "BUG: page changed that has left its file in insert_kprobe_user",
				Why:      "the page was dropped after it was found and before it was locked: the breakpoint is in a page that is no longer in the file",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the hook plants the breakpoint as soon as the module is there, before register_uprobe has entered the probe into the table",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the probe is taken out of the table before the breakpoint is taken out of the text",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "munmap-while-trapped",
				Title:    "KCSAN: data-race in find_vma / unmap_vm_as",
				Why:      "the trap looks for the area without mmap_sem, while another thread adds or frees one",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the probe is taken out of the table before the breakpoint is taken out of the text",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "page-read-again-after-reclaim",
				Title:    "BUG: probe missed in execute",
				Why:      "kp.opcode says that the breakpoint was planted, but the page that held it is gone",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the probe is taken out of the table before the breakpoint is taken out of the text",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "program-pages-its-text-in",
				Title:    "kernel BUG in int3",
				Why:      "the trap looks for its area without mmap_sem and finds none; under sc its data race with munmap is seen first",
				Model:    "tso,lkmm",
			},
			{
				Scenario: "program-pages-its-text-in",
				Title:    "KCSAN: data-race in find_vma / unmap_vm_as",
				Why:      "the trap looks for the area without mmap_sem, while another thread adds or frees one",
			},
			{
				Scenario: "readahead-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "the reader has loaded the old readpages, and adds the page after register_uprobe has looked for it",
			},
			{
				Scenario: "readpage-returns-before-uptodate",
				Title:    "BUG: probe missed in execute",
				Why:      "everyone who waits for the page wakes up when the read ends: a program may be faster than the hook",
			},
			{
				Scenario: "text-after-a-read-error",
				Title:    "BUG: Bad page state in quiet",
				Why:      "map_uprobe_page fails as the page is not up to date, and unregister_uprobe takes that for no page: it keeps its reference",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the probe is taken out of the table before the breakpoint is taken out of the text",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: wrong instruction stepped in execute",
				Why:      "the program has trapped for the old probe and finds the new one, which has saved nothing yet",
			},
			{
				Scenario: "unregister-after-a-read-error",
				Title:    "BUG: Bad page state in quiet",
				Why:      "map_uprobe_page fails as the page is not up to date, and unregister_uprobe takes that for no page: it keeps its reference",
			},
			{
				Scenario: "unregister-against-readpage",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "unregister_uprobe looks for the page before the hook is kept out",
			},
			{
				Scenario: "waiting-for-the-page-inside-the-hook",
				Title:    "INFO: task hung in map_uprobe_page",
				Why:      "the hook waits for the page with uprobe_mutex held; the thread that has to end the read runs into the hook of the image file and waits for that mutex",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the hook plants the breakpoint before register_uprobe has entered the probe into the table",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program traps, and the probe is gone from the table before it is looked up",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "nothing waits for a trap that has found the probe",
			},
		}),
	},
	drawn: append(slices.Clone(hooked), hungInHook,
		drawnTitle("BUG: page changed that has left its file in remove_kprobe_user",
			"unregister_uprobe has looked the page up and writes to it without its lock; it was truncated meanwhile")),
	New: func(k *sim.K) Scheme {
		h := &readpageHookMarch{readpageHook: newReadpageHook(k, readpageHook{march: true})}
		k.SpinLockInit(&h.uprobeLock, "uprobe_lock")
		return h
	},
})

type readpageHookMarch struct {
	*readpageHook
	uprobeLock sim.SpinLock // the table
}

// insertKprobe enters the probe into the table.
func (h *readpageHookMarch) insertKprobe(k *sim.K, u *uprobe) {
	k.SpinLock(&h.uprobeLock)
	k.Step(opTableAdd, &h.table, sim.Write)
	h.uprobeTable = append(h.uprobeTable, u)
	k.SpinUnlock(&h.uprobeLock)
}

// RegisterUprobe is register_uprobe().
func (h *readpageHookMarch) RegisterUprobe(k *sim.K, p *Probe) error {
	u, err := h.linkUprobe(k, p)
	if err != nil {
		return err
	}
	page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)
	h.insertKprobe(k, u)
	return h.plant(k, u, page)
}

// removeKprobeUser is remove_kprobe_user(), of a probe that is in the table no more.
func (h *readpageHookMarch) removeKprobeUser(k *sim.K, u *uprobe, page *pagecache.Page) error {
	if kp := u.kp.Read(k); kp.opcode != int3 {
		pagecache.WriteByte(k, page, int(u.Offset&(pagecache.PageSize-1)), kp.opcode)
	}
	return nil
}

// UnregisterUprobe is unregister_uprobe().
func (h *readpageHookMarch) UnregisterUprobe(k *sim.K, p *Probe) {
	page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)

	k.SpinLock(&h.uprobeLock)
	k.Step(opTableDel, &h.table, sim.Write)
	h.uprobeTable = slices.DeleteFunc(h.uprobeTable, func(o *uprobe) bool { return o.Probe == p })
	k.SpinUnlock(&h.uprobeLock)

	u := h.unlinkUprobe(k, p)
	if u == nil {
		return
	}
	if err := h.mapUprobePage(k, page, u, h.removeKprobeUser); err == nil {
		h.flushVma(k, p.Inode.Mapping)
		pagecache.PageCacheRelease(k, page)
	} // -EINVAL is taken for "no page"
	k.Kfree(&u.Life)
}

// Int3 is uprobe_handler(), called for the int3 exception.
func (h *readpageHookMarch) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	vma := vm.FindVMA(k, mm, addr) // without mmap_sem
	k.BugOn(vma == nil, "not in our memory map")
	u := h.getKprobeUser(k, vma.Inode, offsetIn(vma, addr))
	if u == nil {
		return NotOurs, nil
	}
	kp := u.kp.Read(k)
	u.Handler(k)
	return Handled, kp.insn[:]
}
