package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// ProbeInALaterPage probes an instruction that does not lie in the first page
// of its file. There is only one task: nothing races.
var ProbeInALaterPage = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-in-a-later-page",
		Asks: "Does the hook find the probes of every page?",
		From: "the review of the February 2006 post: \"The parameter of function find_page_probe looks incorrect\"",
		Story: "When a page has been read the hook looks for the probes that lie in it. It gives the " +
			"number of the page to a function that compares it with offsets in bytes. For the " +
			"first page both are 0, and every test that probes something near the beginning of a " +
			"file passes. For each later page nothing is found, and the probe is never armed. The " +
			"reviewer saw it; the next post compares the offset with the beginning and the end of " +
			"the page.",
	},
	Setup: func(w *World) {
		if w.Image.PageIndex() == 0 {
			w.Image = laterPage
		}
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
	},
})

// laterPage is the built-in program at a function that begins in its second
// page.
var laterPage = func() *vm.Image {
	image, err := vm.LoadImage("victim", vm.Victim(), "far")
	if err != nil {
		panic("scenarios/uprobes: " + err.Error())
	}
	return image
}()
