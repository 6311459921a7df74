package uprobes

import (
	"slices"

	"trapline/probes"
)

// failsAlike are failures for one reason in several scenarios.
func failsAlike(title, why string, scenarios ...string) []probes.Failure {
	var fails []probes.Failure
	for _, s := range scenarios {
		fails = append(fails, probes.Failure{Scenario: s, Title: title, Why: why})
	}
	return fails
}

// inFirstPage are the failures where the probe is in the first page: in February the hook
// plants it nowhere else.
func inFirstPage(fails []probes.Failure) []probes.Failure {
	fails = slices.Clone(fails)
	for i := range fails {
		fails[i].Only = probes.FirstPage
	}
	return fails
}

// writesZero is ours.
const writesZero = "unregister_uprobe has looked the page up while it was being read, and writes kp.opcode to it when it has been read; that is 0 as long as the hook has not planted the breakpoint"

// What goes wrong in all three posts, and nobody has said.
var (
	// plantedTwice is ours.
	plantedTwice = failsAlike("BUG: operation refused in must_succeed",
		"the hook plants the breakpoint as soon as the module is there; register_uprobe finds it in the page, returns an error though the probe stays, and has saved the breakpoint as the opcode",
		"mmap-while-registering", "mremap-while-registering", "readahead-while-registering", "thread-maps-while-another-unmaps")
	// noReadpages is ours.
	noReadpages = failsAlike("BUG: unable to handle kernel paging request in uprobe_readpages",
		"get_inode_ops gives the file a readpages though its file system has none, and the hook calls that",
		"readahead-without-readpages")
)

// failsOfReadpageHook is what [ReadpageHook] is known to get wrong.
var failsOfReadpageHook = slices.Concat(inFirstPage(plantedTwice), noReadpages, failsAlike("BUG: page touched before PG_uptodate in remove_kprobe_user",
	"unregister_uprobe finds the page while it is being read, and writes kp.opcode to it, which is 0 as nobody has planted the breakpoint yet",
	"hook-after-the-last-unregister", "unregister-against-readpage"), failsAlike("BUG: program text corrupted in execute", writesZero, "unregister-against-readpage"), []probes.Failure{
	{
		Scenario: "readpage-returns-before-uptodate", Only: probes.FirstPage,
		Title: "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:   "the hook acts when the original readpage has returned, which only started the read",
	},
	{
		Scenario: "program-executes-while-registering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "program-executes-while-unregistering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "program-pages-its-text-in",
		Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:      "the hook acts when the original readpage has returned, which only started the read",
		Only:     probes.FirstPage,
	},
	{
		Scenario: "program-pages-its-text-in",
		Title:    "BUG: program killed by SIGTRAP in do_int3",
		Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
		Only:     probes.FirstPage,
	},
	{
		Scenario: "readpage-returns-before-uptodate",
		Title:    "BUG: probe missed in execute",
		Why:      "the read ends before the hook comes to plant the breakpoint, and a program runs through the page in between",
	},
	{
		Scenario: "waiting-for-the-page-inside-the-hook", Only: probes.FirstPage,
		Title: "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:   "the hook does not wait, so it finds the page as the read left it",
	},
	{
		Scenario: "waiting-for-the-page-inside-the-hook", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset, so the hook leaves the page alone",
	},
	{
		Scenario: "unregister-against-readpage", Only: probes.FirstPage,
		Title: "BUG: program killed by SIGTRAP in do_int3",
		Why:   "unregister_uprobe looks for the page, then the hook plants the breakpoint, then unregister_uprobe takes the probe away: the page that it did not see keeps it",
	},
	{
		Scenario: "mutex-under-i_mmap_lock",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "kprobe_mutex is taken in a walk under the spinlock i_mmap_lock",
	},
	{
		Scenario: "hook-after-the-last-unregister",
		Title:    "BUG: read(2) of a sound file failed in sys_read",
		Why:      "the hook finds no module and returns -EINVAL to a reader who has nothing to do with probes",
	},
	{
		Scenario: "hook-after-the-last-unregister",
		Title:    "KASAN: slab-use-after-free Read in do_generic_mapping_read",
		Why:      "the reader has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
	},
	{
		Scenario: "probe-in-a-later-page",
		Title:    "BUG: probe missed in execute",
		Why:      "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "page-read-again-after-reclaim",
		Title:    "BUG: probe missed in execute",
		Why:      "kp.opcode says that the breakpoint was planted, but the page that held it is gone",
	},
	{
		Scenario: "readahead-while-registering",
		Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:      "neither uprobe_readpages nor register_uprobe, which finds the page in the cache, looks whether it has been read",
	},
	{
		Scenario: "readahead-while-registering",
		Title:    "BUG: probe missed in execute",
		Why:      "the reader has loaded the old readpages, and adds the page after register_uprobe has looked for it",
	},
	{
		Scenario: "trap-between-two-registrations",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped, so unregister_uprobe takes kprobe_mutex under i_mmap_lock before anything else can go wrong",
	},
	{
		Scenario: "mmap-while-registering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "at its end the page is mapped and the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "mmap-while-registering",
		Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:      "the page is being read for the program when register_uprobe finds it in the cache",
	},
	{
		Scenario: "mmap-while-registering", Only: probes.FirstPage,
		Title: "BUG: program killed by SIGTRAP in do_int3",
		Why:   "the hook plants the breakpoint as soon as the module is there, before register_uprobe has entered the probe into the table",
	},
	{
		Scenario: "mmap-while-registering", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "mmap-while-unregistering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped by now: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "mmap-while-unregistering",
		Title:    "BUG: page fault on a sound file failed in execute",
		Why:      "the hook finds no module and returns -EINVAL to a program that faults",
	},
	{
		Scenario: "mmap-while-unregistering",
		Title:    "KASAN: slab-use-after-free Read in page_cache_read",
		Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
	},
	{
		Scenario: "mmap-while-unregistering", Only: probes.FirstPage,
		Title: "BUG: program killed by SIGTRAP in do_int3",
		Why:   "the program traps, and the probe is gone from the table before it is looked up",
	},
	{
		Scenario: "mmap-while-unregistering", Only: probes.FirstPage,
		Title: "KASAN: slab-use-after-free Read in int3",
		Why:   "the trap has found the probe, which unregister_uprobe frees without waiting for it",
	},
	{
		Scenario: "mmap-while-unregistering", Only: probes.FirstPage,
		Title: "BUG: handler called after unregister in handler",
		Why:   "nothing waits for a trap that has found the probe",
	},
	{
		Scenario: "mmap-while-unregistering", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "munmap-while-registering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "as in mutex-under-i_mmap_lock",
	},
	{
		Scenario: "register-while-the-last-one-goes", Only: probes.FirstPage,
		Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:   "as in mutex-under-i_mmap_lock",
	},
	{
		Scenario: "register-while-the-last-one-goes", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "fork-while-registering", Only: probes.FirstPage,
		Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:   "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "fork-while-registering", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "fork-while-unregistering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
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
		Scenario: "fork-while-unregistering", Only: probes.FirstPage,
		Title: "BUG: program killed by SIGTRAP in do_int3",
		Why:   "the program traps, and the probe is gone from the table before it is looked up",
	},
	{
		Scenario: "fork-while-unregistering", Only: probes.FirstPage,
		Title: "KASAN: slab-use-after-free Read in int3",
		Why:   "the trap has found the probe, which unregister_uprobe frees without waiting for it",
	},
	{
		Scenario: "fork-while-unregistering", Only: probes.FirstPage,
		Title: "BUG: handler called after unregister in handler",
		Why:   "nothing waits for a trap that has found the probe",
	},
	{
		Scenario: "fork-while-unregistering", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "munmap-while-trapped",
		Title:    "BUG: program killed by SIGTRAP in do_int3",
		Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
	},
	{
		Scenario: "owner-frees-after-unregister",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "second-process-maps-while-registering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "thread-maps-while-another-unmaps", Only: probes.FirstPage,
		Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:   "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "thread-maps-while-another-unmaps",
		Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:      "register_uprobe finds the page in the cache while it is being read",
	},
	{
		Scenario: "thread-maps-while-another-unmaps", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
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
		Scenario: "invalidate-while-registering", Only: probes.FirstPage,
		Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:   "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "text-after-a-read-error", Only: probes.LaterPage,
		Title: "BUG: program text corrupted in must_be_original",
		Why:   "the hook leaves the page alone, so that kp.opcode is 0, and unregister_uprobe writes it over the text",
	},
	{
		Scenario: "unregister-after-a-read-error", Only: probes.LaterPage,
		Title: "BUG: page touched before PG_uptodate in remove_kprobe_user",
		Why:   "the hook leaves the page alone, so that kp.opcode is 0, and unregister_uprobe writes it to the page whose read has failed",
	},
	{
		Scenario: "text-after-a-read-error", Only: probes.FirstPage,
		Title: "BUG: program text corrupted in must_be_original",
		Why:   "what the hook saves is what somebody has left in the page; the read fails, the next one brings the text, and unregister_uprobe writes over it",
	},
	{
		Scenario: "unregister-after-a-read-error", Only: probes.FirstPage,
		Title: "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:   "the hook does not wait for the read",
	},
	{
		Scenario: "mremap-while-registering", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "mremap-while-unregistering", Only: probes.LaterPage,
		Title: "BUG: probe missed in execute",
		Why:   "find_page_probe is given the number of the page where it wants the offset",
	},
	{
		Scenario: "mremap-while-registering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
	},
	{
		Scenario: "mremap-while-registering",
		Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
		Why:      "the page is being read for the program when register_uprobe finds it in the cache",
	},
	{
		Scenario: "mremap-while-registering", Only: probes.FirstPage,
		Title: "BUG: program killed by SIGTRAP in do_int3",
		Why:   "the hook plants the breakpoint before register_uprobe has entered the probe into the table",
	},
	{
		Scenario: "mremap-while-unregistering",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
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
		Scenario: "mremap-while-unregistering", Only: probes.FirstPage,
		Title: "BUG: program killed by SIGTRAP in do_int3",
		Why:   "the program traps, and the probe is gone from the table before it is looked up",
	},
	{
		Scenario: "mremap-while-unregistering", Only: probes.FirstPage,
		Title: "KASAN: slab-use-after-free Read in int3",
		Why:   "the trap has found the probe, which unregister_uprobe frees without waiting for it",
	},
	{
		Scenario: "mremap-while-unregistering", Only: probes.FirstPage,
		Title: "BUG: handler called after unregister in handler",
		Why:   "nothing waits for a trap that has found the probe",
	},
	{
		Scenario: "mmap-without-memory",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "kprobe_mutex is taken in a walk under the spinlock i_mmap_lock",
	},
	{
		Scenario: "text-mapped-again",
		Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
		Why:      "kprobe_mutex is taken in a walk under the spinlock i_mmap_lock",
	},
})
