package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// WaitingForThePageInsideTheHook puts the program on a loop device. The thread
// of the device reads the image file, which is probed as well, so ending a read
// of the one takes a read of the other. (The probe of the image lies in another
// page: as read(2) returns breakpoints, it would otherwise show in the text of
// the program.)
var WaitingForThePageInsideTheHook = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "waiting-for-the-page-inside-the-hook",
		Asks: "Does anyone who has to end a read wait for what its hook holds?",
		From: "the review of the February 2006 post: \"If we use lock_page or wait_on_page_locked to wait the I/O complete in uprobe_readpage/uprobe_readpages\"",
		Story: "If the hook must not act before the page is there, it could wait for it: that was " +
			"discussed and refused. The hook holds uprobe_mutex, and the page is locked by the read " +
			"that it belongs to. Whoever has to do something for the end of that read may need " +
			"another probed file, as the thread of a loop device does: it runs into the hook and " +
			"waits for the mutex. Neither can go on. The repaired design does neither: it acts at the " +
			"end of the read, where nobody waits.",
	},
	Setup: func(w *World) {
		image := w.File(pagecache.Disk)
		file := w.LoopFile(image)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, w.Probe(image, "image", pagecache.PageSize)))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
	},
})
