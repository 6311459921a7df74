package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// FlagsThatShareAWord has two users connect a second and a third probe to a marker
// at the same time, while callbacks clear rcu_pending.
var FlagsThatShareAWord = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "flags-that-share-a-word",
		Asks: "Is rcu_pending set whenever a callback is to come?",
		From: "the review: \"rcu_pending and ptype share the same word and modifications of one can " +
			"trash modifications of the other on a different cpu. External locking is needed to " +
			"prevent this. Is it present?\"",
		Story: "The author answers that markers_mutex protects all modifications of an entry. It " +
			"does not: free_old_closure clears rcu_pending in the callback, in a softirq and " +
			"without the mutex. The two bit-fields share a byte, and to set one is to load the " +
			"byte and to store it. What the callback loads before an updater sets rcu_pending, " +
			"and stores after, undoes that. Whoever comes next waits for nothing and queues an " +
			"rcu_head that is queued. With the mutex dropped in the middle of each operation the " +
			"head is queued twice even without that. 2.6.28 has ints, and waits once more before " +
			"it queues; the repaired design has one operation at a time.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2, p3 := w.Probe(m, "p1"), w.Probe(m, "p2"), w.Probe(m, "p3")
		must(w.K, w.Register(w.K, p1))
		w.Go("first", func(k *sim.K) { _ = w.Register(k, p2) })
		w.Go("second", func(k *sim.K) { _ = w.Register(k, p3) })
	},
})
