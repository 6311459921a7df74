package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
)

// TwoUsersOfAKey has two users of a static key come and go at the same time.
var TwoUsersOfAKey = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-users-of-a-key",
		Asks: "Is the code of a static key there for all who use it, and gone with the last?",
		From: "commits 4c5ea0a9cd02 and 224fa3552029",
		Story: "A static key is code that is patched in for its first user and out for its last one. Up " +
			"to 4.6 the first user counted itself before it had the code patched, and a second one, " +
			"who found that there was a user, went on without it. Since then the counter says for as " +
			"long that it is in transition. In 6.11-rc the test for the last user was turned into one " +
			"operation, whose result is what the counter held before; it was taken for a yes or no, " +
			"and 2 for a yes. Then, in 6.11, who found more than one user counted one less only if " +
			"there still were several; if the other one had gone meanwhile, neither of them was the " +
			"last. It is asked again now.",
	},
	Needs: kprobes.Keys,
	Setup: func(w *World) {
		w.Go("one", w.UseKey)
		w.Go("other", w.UseKey)
	},
})
