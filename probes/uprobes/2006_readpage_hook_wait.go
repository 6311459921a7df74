package uprobes

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// ReadpageHookWait is ReadpageHook with the page lock taken in map_uprobe_page,
// as it was posted to linux-kernel in May 2006. That makes the hook wait for the
// end of the read that it has just started, and so it answers the question that
// the review of the February post had left open: "If we use lock_page or
// wait_on_page_locked to wait the I/O complete", the hook sleeps with both of
// its mutexes held until a device, or whoever stands in for one, has done its
// work. That post also compares the offset of the probe, and no longer the
// number of its page, with the start of the page. (What else it changed is left
// as it was in February, so that the two designs differ in these two things only.)
var ReadpageHookWait = add(Design{
	Design: probes.Design{
		Name:  "2006-readpage-hook-wait",
		Title: "with the page lock of May: the hook waits for it before it plants the breakpoint",
		From:  `linux-kernel, 9 May 2006, "[RFC] [PATCH 4/6] Kprobes: Insert probes on non-memory resident pages", 20060509070911.GD22493@in.ibm.com`,
		Order: ReadpageHook.Order,
		Fails: slices.Concat(plantedTwice, noReadpages, failsAlike("BUG: program text corrupted in execute", writesZero, "unregister-against-readpage"), []probes.Failure{
			{
				Scenario: "program-executes-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "program-pages-its-text-in",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
			},
			{
				Scenario: "readpage-returns-before-uptodate",
				Title:    "BUG: probe missed in execute",
				Why:      "everyone who waits for the page wakes up when the read ends: a program may be faster than the hook",
			},
			{
				Scenario: "waiting-for-the-page-inside-the-hook",
				Title:    "INFO: task hung in map_uprobe_page",
				Why:      "the hook waits for the page with uprobe_mutex held; the thread that has to end the read runs into the hook of the image file and waits for that mutex",
			},
			{
				Scenario: "unregister-against-readpage",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "as in the February post: the page is looked for before the hook is kept out",
			},
			{
				Scenario: "unregister-against-readpage",
				Title:    "INFO: task hung in remove_kprobe_user",
				Why:      "unregister_uprobe takes the page lock and then kprobe_mutex, the hook kprobe_mutex and then the page lock",
			},
			{
				Scenario: "mutex-under-i_mmap_lock",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "now the page lock, too, is taken under the spinlock i_mmap_lock",
			},
			{
				Scenario: "hook-after-the-last-unregister",
				Title:    "BUG: read(2) of a sound file failed in sys_read",
				Why:      "as in the February post",
			},
			{
				Scenario: "hook-after-the-last-unregister",
				Title:    "KASAN: slab-use-after-free Read in do_generic_mapping_read",
				Why:      "as in the February post",
			},
			{
				Scenario: "page-read-again-after-reclaim",
				Title:    "BUG: probe missed in execute",
				Why:      "as in the February post",
			},
			{
				Scenario: "readahead-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "as in the February post",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped, so unregister_uprobe takes the page lock under i_mmap_lock before anything else can go wrong",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "at its end the page is mapped and the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "as in the February post: the probe is in the module before it is in the table",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped by now: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: page fault on a sound file failed in execute",
				Why:      "as in the February post",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "as in the February post",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "as in the February post",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "as in the February post",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: handler called after unregister in handler",
				Why:      "as in the February post",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "as in mutex-under-i_mmap_lock",
			},
			{
				Scenario: "register-while-the-last-one-goes",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "as in mutex-under-i_mmap_lock",
			},
			{
				Scenario: "fork-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: page fault on a sound file failed in execute",
				Why:      "the hook finds no module and returns -EINVAL to a program that faults",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program traps, and the probe is gone from the table before it is looked up",
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
				Scenario: "munmap-while-trapped",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
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
				Scenario: "invalidate-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "text-after-a-read-error",
				Title:    "BUG: program text corrupted in must_be_original",
				Why:      "the hook waits for the read and does not look whether it has failed; the next one brings the text, and unregister_uprobe writes over it",
			},
			{
				Scenario: "unregister-after-a-read-error",
				Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:      "the hook waits for the read and does not look whether it has failed",
			},
			{
				Scenario: "mmap-without-memory",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "now the page lock, too, is taken under the spinlock i_mmap_lock",
			},
			{
				Scenario: "text-mapped-again",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "now the page lock, too, is taken under the spinlock i_mmap_lock",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the hook plants the breakpoint before register_uprobe has entered the probe into the table",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: sleeping function called from invalid context in map_uprobe_page",
				Why:      "the page is mapped when the probe goes: the page lock is taken under i_mmap_lock",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: page fault on a sound file failed in execute",
				Why:      "the hook finds no module and returns -EINVAL to a program that faults",
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
	drawn: append(slices.Clone(refused), hungInHook),
	New:   func(k *sim.K) Scheme { return newReadpageHook(k, readpageHook{waits: true}) },
})
