package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// UnregisterAfterAReadError has a read of the probed page fail, and then takes the
// probe away.
var UnregisterAfterAReadError = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "unregister-after-a-read-error",
		Asks: "Is a page that could not be read let go of?",
		From: "linux-kernel, 20 March 2006, Andrew Morton on unregister_uprobe(): \"If that page isn't uptodate, we leak a ref\", 20060320024248.426b97ec.akpm@osdl.org",
		Story: "unregister_uprobe has a reference to the page when it calls map_uprobe_page, which says " +
			"-EINVAL if there is no page, and also if the page has not been read. The caller takes " +
			"that for \"no page\" and keeps the reference for ever. A page that is kept is never " +
			"freed. Whoever has taken the reference knows whether there is a page, and has to give it " +
			"back in any case; so do the later designs.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		file.IOMayFail = true
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			_, _ = pagecache.DoGenericMappingRead(k, file, w.Image.Offset, 1)
			w.Unregister(k, p)
		})
	},
})
