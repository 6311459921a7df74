package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// HookAfterTheLastUnregister reads a file while its last probe goes: the reader
// may have found the hook in the table of methods, and call it when nothing is
// left behind it.
var HookAfterTheLastUnregister = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "hook-after-the-last-unregister",
		Asks: "Does a reader that has found the hook get its page when the last probe is gone?",
		From: "the review of the February 2006 post: \"How about using file->f_dentry->d_inode->i_mapping->a_ops->readpages/readpage when umodule==NULL?\"",
		Story: "The patch of 2006 hooks readpage by putting its own functions into the table of " +
			"methods of the file. A reader loads the pointer to that table, and is then free to " +
			"take its time. When the last probe goes the table is put back and the module freed: " +
			"the reader calls the hook all the same, which finds no module and returns an error, " +
			"with the page still locked, or looks at the freed module itself. The reviewer " +
			"proposed to call what the file has for readpage by then; the repaired form keeps the " +
			"module until nobody can be on the way to it.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, p))
		w.M.Go("reader", func(k *sim.K) { w.Read(k, file) })
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
	},
})
