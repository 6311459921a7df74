package main

import (
	"errors"
	"fmt"

	"trapline/sim"
	"trapline/sim/explore"
)

// programCatalogue is a catalogue of one scenario, asked of one design, "the-program".
func programCatalogue(program sim.Program) *catalogue {
	c := &catalogue{
		scenarios: []scenario{{"scenario", "What does it do?", "", ""}},
		designs:   []design{{name: "the-program", title: "is a program"}},
	}
	c.open = func(elf, _ string) (probed, []*pair, error) {
		if elf != "" {
			return probed{}, nil, errors.New("there is no other program")
		}
		return probed{"victim", "main", 0x1000, true}, []*pair{{
			scenario: "scenario", design: "the-program", program: program,
			held: func(r *explore.Result) error {
				if v := r.Verdict(); v != explore.Clean {
					return fmt.Errorf("is %s", v)
				}
				return nil
			},
		}}, nil
	}
	return c
}

const thePair = "scenario/the-program"

// counters has tasks that add to a counter, and each look at it once. With commute
// the additions are not ordered.
func counters(tasks, adds int) sim.Program {
	return func(m *sim.Machine) {
		var c sim.AtomicInt
		c.Init(m.Setup(), "c", 0)
		for i := range tasks {
			m.Go(fmt.Sprint("task", i), func(k *sim.K) {
				for range adds {
					c.Inc(k)
				}
			})
		}
	}
}

// writers has tasks that write to one word: the orders of all that they write.
func writers(tasks, writes int) sim.Program {
	return func(m *sim.Machine) {
		var x sim.Word[int]
		x.Init(m.Setup(), "x", 0)
		for i := range tasks {
			m.Go(fmt.Sprint("task", i), func(k *sim.K) {
				for n := range writes {
					x.Write(k, i+tasks*n)
				}
			})
		}
	}
}

// forever has tasks that write without an end, and one of them breaks a rule at once
// if it sees another one's write before its own second.
func forever(m *sim.Machine) {
	var x sim.Word[int]
	x.Init(m.Setup(), "x", 0)
	for i, name := range []string{"one", "two"} {
		m.Go(name, func(k *sim.K) {
			for n := 0; ; n++ {
				if seen := x.Read(k); i == 0 && n == 1 && seen == 2 {
					k.Fail(&sim.Violation{Kind: sim.Kind{Name: "seen", Class: "seen"}, Subject: "x is 2"})
				}
				x.Write(k, i+1)
			}
		})
	}
}
