package uprobes

import (
	"slices"

	"trapline/probes"
)

// What drawn programs find, and what no scenario asks about in these words: each is an
// end of a story that a scenario tells.

// hooked are those of all posts of 2006.
var hooked = []probes.Failure{
	drawnTitle("BUG: mapped page differs in settled",
		"kp.opcode says of the probe and not of the page whether the breakpoint is there, so a page that is read again goes without one, or keeps one that nobody answers for"),
	drawnTitle("KASAN: slab-use-after-free Read in read_pages",
		"as in hook-after-the-last-unregister: readahead has loaded mapping->a_ops, and the table lies in the module, which unregister_uprobe frees"),
	drawnTitle("memory leak in register_uprobe", neverUnregistered),
	drawnTitle("memory leak in add_to_module", neverUnregistered),
}

const neverUnregistered = "as in mmap-while-registering: register_uprobe has found the breakpoint of the hook and failed, so nobody unregisters the probe, which stays with its module"

// refused are those of the posts whose hook returns an error when there is no module.
var refused = append(slices.Clone(hooked),
	leftLocked("filemap_nopage", "faults waits for the page"),
	leftLocked("do_generic_mapping_read", "reads waits for the page"),
	leftLocked("truncate_inode_pages", "truncates waits for the page"),
	leftLocked("truncate_partial_page", "truncates waits for the page"),
	leftLocked("do_page_fault", "faults waits for mmap_sem behind one who waits for the page"),
	leftLocked("do_mmap", "maps something waits for mmap_sem behind one who waits for the page"),
	leftLocked("do_munmap", "unmaps something waits for mmap_sem behind one who waits for the page"),
	leftLocked("mprotect", "changes what a process may do waits for mmap_sem behind one who waits for the page"),
	drawnTitle("BUG: Bad page state in quiet",
		"as in hook-after-the-last-unregister: the hook finds no module and returns -EINVAL with the page locked, and so it stays"),
	drawnTitle("memory leak in alloc_page",
		"as in hook-after-the-last-unregister, in the hook of readahead: it returns -EINVAL, and the pages that it was given are neither read nor freed"),
)

// leftLocked is of those who come to a page that a hook has left locked.
func leftLocked(function, who string) probes.Failure {
	return drawnTitle("INFO: task hung in "+function,
		"as in hook-after-the-last-unregister: the hook finds no module and returns -EINVAL with the page locked; who "+who+" for ever")
}

// hungInHook is of those who wait for the page in the hook.
var hungInHook = drawnTitle("INFO: task hung in uprobe_readpage",
	"the hook waits for the page with uprobe_mutex held. The read has failed, and the next who wants the page has locked it to read it once more: its hook waits for uprobe_mutex")

// seenBefore is ours, and so small a gap that Linux has it as well.
var seenBefore = drawnTitle("BUG: probe missed in execute",
	"mmap brings the page of the file in before the copy with the breakpoint takes its place, and another thread of the process executes it there")

// drawnTitle is a failure that drawn programs find.
func drawnTitle(title, why string) probes.Failure {
	return probes.Failure{Scenario: "lifecycle", Title: title, Why: why}
}

// moved is what befalls those who remember a place in a process and come to it later, in
// all designs from 2011 on: mremap-while-registering and mremap-while-unregistering.
var moved = []probes.Failure{
	drawnTitle("BUG: mapped page differs in settled",
		"text moves after register or unregister has written its place down and before the process is locked: it is not found there, and goes without the breakpoint, or keeps it"),
	drawnTitle("BUG: probe missed in execute",
		"text moves after register has written its place down and before the process is locked: it is not found there, and goes without the breakpoint"),
}

// movedAndOverwritten are those of designs that mremap tells of the place to which it is
// about to move pages.
var movedAndOverwritten = append(slices.Clone(moved),
	drawnTitle("BUG: Bad page map in quiet",
		"as in mremap-of-probed-text: the entry of the page that was put in is overwritten, and the page is counted as mapped"))

// movedMeanwhile are those of designs that it does not tell, as Linux since 6.16.
var movedMeanwhile = append(slices.Clone(moved),
	drawnTitle("BUG: program killed by SIGTRAP in do_int3",
		"text moves after unregister has written its place down and before the process is locked: the breakpoint stays, and nobody knows of it"),
	drawnTitle("BUG: soft lockup in execute",
		"unregister and the next register both miss text that moves: the breakpoint has stayed, and the uprobe has never been installed anywhere, so that there is no copy of the instruction. The trap finds it and has the program try again, for ever"),
)
