package memory

import (
	"fmt"
	"testing"
)

func TestExplain(t *testing.T) {
	for _, name := range []string{"MP+poonceonces", "SB+poonceonces", "LB+poonceonces", "CoRR+poonceonce+Once"} {
		for _, test := range litmusTests {
			if test.name != name {
				continue
			}
			p := Program{Tasks: test.tasks, Init: test.init, Locations: locations, Names: names}
			for _, o := range profiles {
				s, err := Explain(p, o, func(s *State) bool { _, ok := seen(s, test.exists); return ok })
				fmt.Println("==", name, o.Model, err)
				fmt.Print(s)
			}
		}
	}
}
