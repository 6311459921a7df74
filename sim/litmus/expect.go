package litmus

import (
	"fmt"
	"regexp"
	"strings"

	"trapline/sim/memory"
)

// expectation is a verdict that the file says a model must give.
type expectation struct {
	model   string // as ModelName has it; empty for a Result: line
	verdict string // Never, Sometimes, Always or DEADLOCK
	race    bool
}

// expected matches a verdict in a comment, on a line of its own. "Result:" is what the
// tests of the kernel have; it is meant for the kernel's model.
var expected = regexp.MustCompile(`(?m)^[ \t]*(?:\(\*|/\*|//|\*)?[ \t]*(Result|SC|TSO|LKMM|LKMM without load buffering):[ \t]+(Never|Sometimes|Always|DEADLOCK)\b([ \t]+DATARACE\b)?`)

// expectations finds the verdicts that a file must have.
func expectations(src string) []expectation {
	var all []expectation
	for _, m := range expected.FindAllStringSubmatch(src, -1) {
		model := strings.ToLower(m[1])
		if m[1] == "Result" {
			model = ""
		}
		all = append(all, expectation{model, m[2], m[3] != ""})
	}
	return all
}

// expects returns the verdict that the file says the options must give. A Result line
// counts for LKMM; without load buffering, only if it says Never, since whatever
// else it says could be due to load buffering alone.
func (t *Test) expects(o memory.Options) (expectation, bool) {
	name := ModelName(o)
	var result *expectation
	for i, e := range t.verdicts {
		switch {
		case e.model == name:
			return e, true
		case e.model == "" && result == nil:
			result = &t.verdicts[i]
		}
	}
	if result != nil && o.Model == memory.LKMM && (o.LoadBuffering || result.verdict == "Never") {
		return *result, true
	}
	return expectation{}, false
}

// Expected says what the file says of the model, such as "Sometimes" or "Never
// DATARACE", "" if it says nothing.
func (r *Result) Expected() string {
	e, ok := r.Test.expects(r.Options)
	if !ok {
		return ""
	}
	if e.race {
		return e.verdict + " DATARACE"
	}
	return e.verdict
}

// Verdict is the observation in the words of a Result line: DEADLOCK if there is no
// execution at all that the filter lets through, and DATARACE if LKMM flags one.
func (r *Result) Verdict() string {
	if r.Race {
		return r.outcome() + " DATARACE"
	}
	return r.outcome()
}

// outcome is the verdict without DATARACE. That a test which deadlocks "never" does
// something says nothing of it.
func (r *Result) outcome() string {
	if r.Positive+r.Negative == 0 && !r.Loop {
		return "DEADLOCK"
	}
	return r.Observation()
}

// Judge compares the result with what the file says of the model. It is nil if they
// agree, if the file says nothing, or if the exploration is not complete.
func (r *Result) Judge() error {
	e, ok := r.Test.expects(r.Options)
	if !ok || !r.Coverage.Complete {
		return nil
	}
	if e.verdict != r.outcome() || r.Options.Model == memory.LKMM && e.race != r.Race {
		return fmt.Errorf("%s: %s under %s, but the file says %s", r.Test.Name, r.Verdict(), ModelName(r.Options), r.Expected())
	}
	return nil
}
