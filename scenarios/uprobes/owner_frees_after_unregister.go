package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// OwnerFreesAfterUnregister has a user free what its handler works with as soon as
// unregister has returned, while a program runs through the probe.
var OwnerFreesAfterUnregister = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "owner-frees-after-unregister",
		Asks: "Has every handler ended when unregister returns?",
		From: "Linux 6.13, commit ef1b808e3b7c (bpf: Fix UAF via mismatching bpf_prog/attachment RCU flavors), CVE-2024-56675",
		Story: "A handler may sleep, and what it works with belongs to whoever registered it, who gives " +
			"it back when unregister has returned. So unregister must wait for handlers, and in the " +
			"way that they announce themselves: those of today are readers of RCU tasks trace, for " +
			"whom an ordinary grace period does not wait. In 6.12 one kind of user was freed behind " +
			"an ordinary grace period, under its own handler; in 6.13 it is one of RCU tasks trace. " +
			"Others fail for other reasons: up to 3.5 whoever has trapped and is not a reader yet " +
			"finds the uprobe gone, and in 5.12-rc a lookup forgot to take the reference that each " +
			"hit dropped.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		var prog sim.Life
		must(w.K, w.K.Kzalloc(&prog, "bpf_prog", sim.GFPKernel))
		p.Handler = func(k *sim.K) {
			p.handler(k)
			k.Use(opBPFProgRun, &prog)
		}
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, w.Probe(file, "other", int64(len(w.Image.Insn)))))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("owner", func(k *sim.K) {
			w.Unregister(k, p)
			k.Kfree(&prog)
		})
	},
})

var opBPFProgRun = sim.NewOp("bpf_prog_run(%s)")
