package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TextAfterAReadError has a read of the probed page fail and then succeed, takes the
// probe away, and reads the text of the program. Pages hold what somebody has left in
// them until they are read, and nobody watches for uses before that.
var TextAfterAReadError = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "text-after-a-read-error",
		Asks: "Can what is written back as the instruction be something else?",
		From: "reading the February 2006 post: kp.opcode is taken from a page that is still being read; this form is ours",
		Story: "The hook saves as the instruction what it finds in a page whose read has only been " +
			"started. If the read fails, and another one succeeds, the page has its text and no " +
			"breakpoint; but the probe says that it is inserted. Who takes it away writes what " +
			"was saved over the text. What was merged in 2012 writes back only where there is a " +
			"breakpoint, and copies the instruction from the file.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		file.IOMayFail, file.Recycled = true, true
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			for range 2 {
				_, _ = pagecache.DoGenericMappingRead(k, file, w.Image.Offset, 1)
			}
			w.Unregister(k, p)
			if text, err := pagecache.DoGenericMappingRead(k, file, w.Image.Offset, len(w.Image.Insn)); err == nil {
				w.mustBeOriginal(k, WrongText, text)
			}
		})
	},
})
