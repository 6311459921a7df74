package explore

import (
	"fmt"
	"strings"

	"trapline/sim/memory"
)

// Coverage says in one line what was covered, with every bound that held.
func (r *Result) Coverage() string {
	counts := fmt.Sprintf("%d executions", r.Executions)
	all := "" // how many executions of all kinds there are going to be
	switch e := r.Estimate; {
	case r.Complete || e.Probes == 0:
	case r.Strategy == DPOR && r.Memory == memory.SC:
		counts += " " + e.String()
	default:
		all = fmt.Sprintf(" (%d %s)", e.Made, e)
	}
	if merges(r.Strategy) {
		counts += fmt.Sprintf(", %d merged", r.Merged)
	} else {
		counts += fmt.Sprintf(", %d blocked", r.Blocked)
	}
	if r.Cut > 0 {
		counts += fmt.Sprintf(", %d cut off", r.Cut)
	}
	if r.Assumed > 0 {
		counts += fmt.Sprintf(", %d against an assumption", r.Assumed)
	}
	counts += all + fmt.Sprintf(", %d steps", r.Steps)
	if r.Complete && r.Part == nil && !r.ended() {
		counts += "; none came to its end"
	}
	if r.Part != nil {
		counts += ", " + r.Part.Shard.String()
	}
	if r.Strategy == States {
		counts = fmt.Sprintf("%d states, %d transitions, %d executions, %d merged", r.States, r.Transitions, r.Executions, r.Merged) + all
		if r.Shared > 0 {
			counts += fmt.Sprintf("; %d of the states were visited by several parts, whose work is all counted", r.Shared)
		}
		if r.Forgot {
			counts += "; as far as what tasks say they forget is right"
		}
	}
	if r.Symmetric {
		counts += "; tasks that are alike are not told apart"
	}
	bounds := r.bounds()
	switch {
	case sampled(r.Strategy):
		s := fmt.Sprintf("%s sample%s, seed %d (%s)%s: %s", r.Strategy, r.under(), r.Seed, r.Stopped, bounds, counts)
		if r.Chance != "" {
			s += "; " + r.Chance
		}
		return s
	case !r.Complete:
		return fmt.Sprintf("incomplete%s%s (%s): %s", r.under(), strings.Replace(bounds, "up to", "within", 1), r.Stopped, counts)
	case r.Part != nil:
		return fmt.Sprintf("complete%s, but only a part: %s", bounds, counts)
	case r.LockAware:
		return fmt.Sprintf("complete: every interleaving%s, one order of critical sections that commute, %s", bounds, counts)
	case r.Strategy == States:
		return fmt.Sprintf("complete: every state%s, %s", bounds, counts)
	case bounds != "":
		return fmt.Sprintf("complete%s%s: %s", r.under(), bounds, counts)
	case r.Memory != memory.SC:
		return fmt.Sprintf("complete: every execution graph under %v, %s", r.Memory, counts)
	default:
		return "complete: every interleaving, " + counts
	}
}

// under names a memory model other than SC.
func (r *Result) under() string {
	if r.Memory == memory.SC {
		return ""
	}
	return " under " + r.Memory.String()
}

// bounds says up to what the search is complete, or would have been.
func (r *Result) bounds() string {
	var all []string
	switch r.Strategy {
	case Bounded:
		all = append(all, fmt.Sprintf("%d preemptions", r.Preemptions))
	case Delays:
		all = append(all, fmt.Sprintf("%d delays", r.Delays))
	}
	if r.TaskSteps > 0 {
		all = append(all, fmt.Sprintf("%d steps of each task", r.TaskSteps))
	}
	if len(all) == 0 {
		return ""
	}
	return " up to " + strings.Join(all, " and ")
}
