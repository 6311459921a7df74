package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// KeyEnabledByTwo has two tasks enable a static key, and then one disable it.
var KeyEnabledByTwo = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "key-enabled-by-two",
		Asks: "Is a static key off when it was enabled by two at once, and disabled by one?",
		From: "commit 1dbb6704de91",
		Story: "A static key counts its users, but some of those who have one want to say only whether " +
			"it is on. Up to 4.13 that was: count a user if there is none. Two who came at the same " +
			"time both found none, and counted two, and who switched the key off later took away one. " +
			"Now it is looked at again under the lock, and nobody is counted twice.",
	},
	Needs: kprobes.Keys,
	Setup: func(w *World) {
		d := w.Scheme.(kprobes.KeyHolder)
		w.Go("one", d.StaticKeyEnable)
		w.Go("other", d.StaticKeyEnable)
		w.AtRest = func(k *sim.K) {
			d.StaticKeyDisable(k)
			if w.Text.Fetch(k, keyLabel) == kprobes.Branch {
				k.Fail(&sim.Violation{Kind: WrongBranch, Subject: "the code of a key that is off is there"})
			}
		}
	},
})
