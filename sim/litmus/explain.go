package litmus

import (
	"fmt"

	"trapline/sim/memory"
)

// Explain tells an execution of the test that the condition is about: one in which
// its proposition holds, or, if it is a forall, one in which it does not. It says
// which store each load read and why not a newer one, and which barriers would have
// forbidden it. It returns "" if there is no such execution.
func Explain(t *Test, o memory.Options) (string, error) {
	p, _ := t.program()
	text, err := memory.Explain(p, o, func(s *memory.State) bool {
		if fault, cut := t.ending(s); fault != 0 || cut {
			return false
		}
		end := &final{s.Regs, s.Mem, s}
		if t.filter != nil && !t.filter.holds(end) {
			return false
		}
		return t.condition.prop.holds(end) == (t.condition.quantifier != "forall")
	})
	if err != nil {
		return "", fmt.Errorf("%s: %s under %v: %w", t.scanner.file, t.Name, o.Model, err)
	}
	return text, nil
}
