package uprobes

import "trapline/probes"

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
	// movedAway and movedAndMissed are mremap-while-registering and
	// mremap-while-unregistering.
	movedAway = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: mapped page differs in settled",
		Why:      "as in mremap-while-registering and mremap-while-unregistering: who walks over the processes misses text that moves meanwhile",
	}
	movedAndMissed = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: probe missed in execute",
		Why:      "as in mremap-while-registering",
	}
	// seenBefore is ours, and so small a gap that Linux has it as well.
	seenBefore = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: probe missed in execute",
		Why:      "mmap brings the page of the file in before the copy with the breakpoint takes its place, and another thread of the process executes it there",
	}
	// overwritten is mremap-of-probed-text.
	overwritten = probes.Failure{
		Scenario: "lifecycle",
		Title:    "BUG: Bad page map in quiet",
		Why:      "as in mremap-of-probed-text: the entry of the page that was put in is overwritten, and the page is counted as mapped",
	}
)
