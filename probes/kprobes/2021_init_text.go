package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// InitText is kprobes up to Linux 5.13: whether a jump label lies at the address of a
// probe is asked of all jump labels, also of those in text that was freed when the
// kernel had started; and each has its length read from the text.
var InitText = addModern(Design{
	Design: probes.Design{
		Name:  "2021-init-text",
		Title: "as in 5.13: the test for jump labels reads freed text",
		From:  `Linux 5.13, kernel/jump_label.c, __jump_label_text_reserved(); commits 9e667624c291 and 2bee6d16e437`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "text-of-the-start-is-freed",
				Title:    "KASAN: slab-use-after-free Read in jump_label_text_reserved",
				Why:      "a jump label in the text of the start is read when that is free",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.jumpLabelReserved = d.jumpLabelTextReserved
		return d
	},
})

// jumpLabelTextReserved is jump_label_text_reserved().
func (d *today) jumpLabelTextReserved(k *sim.K, _ Addr) {
	for a := range d.text.insns {
		if d.text.insns[a].where.kind == initText {
			d.text.readText(k, Addr(a)) // arch_jump_entry_size()
		}
	}
}
