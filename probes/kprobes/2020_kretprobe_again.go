package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KretprobeAgain is kretprobes up to Linux 5.10: that a probe is registered already is
// found out when all that belongs to its returns was made anew. (Here it is in the form
// with a rethook.)
var KretprobeAgain = addModern(Design{
	Design: probes.Design{
		Name:  "2020-kretprobe-again",
		Title: "as in 5.10: a kretprobe that is registered again loses its calls",
		From:  `Linux 5.10, kernel/kprobes.c, register_kretprobe(); commit 0188b87899ff "kretprobe: Avoid re-registration of the same kretprobe earlier"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "kretprobe-registered-again",
				Title:    "KASAN: slab-use-after-free Read in rethook_try_get",
				Why:      "a hit uses what was made for the second registration, which has failed",
			},
			{
				Scenario: "kretprobe-registered-again",
				Title:    "KASAN: slab-use-after-free Write in rethook_try_get",
				Why:      "a hit takes a node of what was made for the second registration, which has failed and freed it",
			},
			{
				Scenario: "kretprobe-registered-again",
				Title:    "WARNING: refcount bug in rethook_try_get",
				Why:      "a hit counts itself in what was made for the second registration, when that has dropped the count and not freed the memory yet",
			},
			{
				Scenario: "kretprobe-registered-again",
				Title:    "KASAN: slab-use-after-free Write in stop_returns",
				Why:      "the probe is unregistered, and clears the handler in what was made for the second registration",
			},
		},
	},
	Has: Returns | Repeats,
	New: func(k *sim.K, text *Text) Scheme { return kretprobeAgain{newToday(k, text)} },
})

// kretprobeAgain has the function that is different.
type kretprobeAgain struct{ *today }

// RegisterKretprobe is register_kretprobe(): register_kprobe(), which looks, comes last.
func (d kretprobeAgain) RegisterKretprobe(k *sim.K, rp *Kretprobe) error {
	if err := rethookAlloc(k, rp); err != nil {
		return err
	}
	rp.PreHandler = func(k *sim.K) { d.former.preHandlerKretprobe(k, rp) }
	err := d.RegisterKprobe(k, &rp.Kprobe)
	if err != nil {
		rp.hook(k).put(k)
	}
	return err
}
