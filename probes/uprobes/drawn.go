package uprobes

import (
	"slices"

	"trapline/probes"
)

// What drawn programs find, and what no scenario asks about in these words: each is an
// end of a story that a scenario tells.
var (
	// mixedUp has a question about each of its reasons.
	mixedUp = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: mapped page differs in settled",
		Why:      "kp.opcode says of the probe and not of the page whether the breakpoint is there, so a page that is read again goes without one, or keeps one that nobody answers for",
	}
	// hungForPage, hungForRead and leftLocked are hook-after-the-last-unregister, later.
	hungForPage = probes.Failure{
		Scenario: "lifecycle",
		Title:    "INFO: task hung in filemap_nopage",
		Why:      "the hook finds no module and returns -EINVAL with the page locked: who wants the page next waits for ever",
	}
	hungForRead = probes.Failure{
		Scenario: "lifecycle",
		Title:    "INFO: task hung in do_generic_mapping_read",
		Why:      hungForPage.Why,
	}
	leftLocked = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: Bad page state in quiet",
		Why:      "the hook finds no module and returns -EINVAL with the page locked, and so it stays",
	}
	// seenBefore is ours, and so small a gap that Linux has it as well.
	seenBefore = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: probe missed in execute",
		Why:      "mmap brings the page of the file in before the copy with the breakpoint takes its place, and another thread of the process executes it there",
	}
)

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
	drawnTitle("BUG: soft lockup in find_active_uprobe_rcu",
		"as in execute, where the others come to their end while the trap is looked up"),
)
