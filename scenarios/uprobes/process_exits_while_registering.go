package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProcessExitsWhileRegistering lets the only process that maps the file exit while a
// probe is registered.
var ProcessExitsWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "process-exits-while-registering",
		Asks: "Does whoever walks over the mappings keep the address spaces alive?",
		From: "the proposal of July 2011: \"get mm ref, add to list blah blah\"",
		Story: "The last user of an address space takes it down without any lock, as nobody else can " +
			"know of it. Whoever has found it through the file must therefore have become a user, or " +
			"have found that there was none left. What was merged in 2012 takes the reference as it " +
			"makes its list (mmget_not_zero). The proposal leaves the reference to the reader of the " +
			"mail: without it the areas go while their list is being walked.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.M.Go("exit", func(k *sim.K) { w.Exit(k, mm) })
	},
})
