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
		Story: "The hook stands in the file's table of methods. A reader may have loaded the table, " +
			"and called the hook, when the last probe of the file goes: unregister_uprobe puts the " +
			"old table back, and frees the module that the new one lies in. The hook then finds no " +
			"module and returns -EINVAL, with the page still locked; or the table is gone before " +
			"the hook can be called. The reviewer proposed to call the method that the file has " +
			"now. For the table nothing was posted; the repaired design has it live as long as " +
			"anyone may use it.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.Register(w.K, p))
		w.M.Go("reader", func(k *sim.K) { w.Read(k, file) })
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
	},
})
