package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ReadaheadWithoutReadpages reads a file ahead whose file system reads its pages one at a
// time. There is only one task: nothing races.
var ReadaheadWithoutReadpages = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "readahead-without-readpages",
		Asks: "Can a probed file be read ahead if its file system has no readpages?",
		From: "ours: get_inode_ops() of the February 2006 post, which overrides readpages whatever the file has",
		Story: "Readahead calls readpages if the file has it, and readpage for one page after the other " +
			"if not, as on a CD-ROM. The hook stands in for both methods: a file that is probed has a " +
			"readpages by then, which calls that of the file system, a null pointer. The posts of March " +
			"and May have it still. The repaired hook adds the pages itself.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		file.ReadaheadPages = 1
		p := w.Probe(file, w.Image.Symbol, 0)
		w.M.Go("reader", func(k *sim.K) {
			must(k, w.Register(k, p))
			w.Read(k, file)
			w.Unregister(k, p)
		})
	},
})
