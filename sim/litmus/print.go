package litmus

import (
	"fmt"
	"strings"

	"trapline/sim/memory"
)

// Kind is herd7's word for what the condition asks: Allowed for exists, Forbidden for
// ~exists, Required for forall.
func (t *Test) Kind() string {
	switch t.condition.quantifier {
	case "~exists":
		return "Forbidden"
	case "forall":
		return "Required"
	default:
		return "Allowed"
	}
}

// Ok says whether the condition of the test is met: some execution for exists, none
// for ~exists, all for forall.
func (r *Result) Ok() bool {
	switch r.Test.condition.quantifier {
	case "~exists":
		return r.Positive == 0
	case "forall":
		return r.Negative == 0
	default:
		return r.Positive > 0
	}
}

// Observation says whether the proposition of the condition holds at the end of
// executions: Never, Sometimes or Always.
func (r *Result) Observation() string {
	switch {
	case r.Positive == 0:
		return "Never"
	case r.Negative == 0:
		return "Always"
	default:
		return "Sometimes"
	}
}

// ModelName names the model with what else decides what it allows.
func ModelName(o memory.Options) string {
	if o.Model == memory.LKMM && !o.LoadBuffering {
		return o.Model.String() + " without load buffering"
	}
	return o.Model.String()
}

// String is the result in herd7's form, with an empty line at the end. Instead of the
// time, which differs from run to run, there is a line with the model.
func (r *Result) String() string {
	var b strings.Builder
	t := r.Test
	fmt.Fprintf(&b, "Test %s %s\nStates %d\n", t.Name, t.Kind(), len(r.States))
	for _, s := range r.States {
		fmt.Fprintln(&b, s)
	}
	if r.Loop {
		b.WriteString("Loop ")
	}
	if r.Ok() {
		b.WriteString("Ok\n")
	} else {
		b.WriteString("No\n")
	}
	positive, negative := r.Positive, r.Negative
	if t.condition.quantifier == "~exists" {
		positive, negative = negative, positive
	}
	fmt.Fprintf(&b, "Witnesses\nPositive: %d Negative: %d\n", positive, negative)
	if r.Race {
		b.WriteString("Flag data-race\n")
	}
	fmt.Fprintf(&b, "Condition %s\n", t.Condition())
	fmt.Fprintf(&b, "Observation %s %s %d %d\n", t.Name, r.Observation(), r.Positive, r.Negative)
	fmt.Fprintf(&b, "Model %s %s\n", t.Name, ModelName(r.Options))
	if !r.Coverage.Complete {
		fmt.Fprintf(&b, "Incomplete %s after %d executions\n", t.Name, r.Coverage.Executions)
	}
	b.WriteByte('\n')
	return b.String()
}
