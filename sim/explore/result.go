package explore

import (
	"trapline/sim"
	"trapline/sim/memory"
)

// Finding is one way in which a program breaks a rule. Findings are told apart
// by title.
type Finding struct {
	// Violation is complete: it comes from a recorded execution.
	Violation *sim.Violation
	// Schedule replays it, Hash is the hash of that execution.
	Schedule sim.Schedule
	Hash     uint64
	// Steps and Preemptions describe that execution, and Switches how often
	// another task goes on, preempting or not.
	Steps, Preemptions, Switches int
	// First is the number of executions begun up to the first one with this title,
	// that one included; 0 if only the search for fewer preemptions came upon it, or
	// if it was found before the search was resumed.
	First int
	// Minimal says that no execution with fewer preemptions has this title.
	Minimal bool
	// Records is what happened.
	Records []sim.Record
}

// Result is what an exploration came to.
type Result struct {
	// Strategy, the bounds and Seed repeat the options.
	Strategy string
	// Memory is the memory model.
	Memory                         memory.Model
	Preemptions, Delays, TaskSteps int
	Seed                           uint64
	// Findings are the rules broken, fewest preemptions first.
	Findings []*Finding
	// Complete says that the strategy visited all that it set out to visit;
	// if not, Stopped says why.
	Complete bool
	Stopped  string
	// Executions counts complete executions (Bounded and Delays go through the
	// bounds from 0 up, and count what they visit again), Blocked those that turned
	// out to be equivalent to another one before their end, Merged those given up in
	// a state that had been visited, and Cut those that had too many steps.
	Executions, Blocked, Merged, Cut int
	// Assumed counts executions in which an assumption did not hold.
	Assumed int
	// States counts the states that the strategy States has visited, Transitions
	// the steps that it has taken from them. Steps has those as well that it took
	// to come back to where it went on.
	States, Transitions int
	// Shared is how many of them several shards have visited, in a result of [Merge]:
	// Transitions, Executions and Merged have the work of each.
	Shared int
	// Forgot says that a task has called [sim.K.Forget]: what was covered is then
	// all as far as that is right.
	Forgot bool
	// Symmetric says that executions in which tasks of [sim.Machine.GoSymmetric]
	// have changed places were taken for one.
	Symmetric bool
	// Varying says that steps of the same kind were seen to use different things
	// in different places (a wake-up finds other waiters). DPOR then takes them to
	// use all of that, and may have begun some executions in vain.
	Varying bool
	// LockAware says that the order of critical sections that commute was not
	// explored. It is false if that was asked for and turned out to see data
	// races, or sleeps, that are none.
	LockAware bool
	// Steps counts the steps of all of them, Longest those of the longest.
	Steps, Longest int
	// Minimising counts the executions of the second search.
	Minimising int
	// First is the number of executions begun up to the first one that broke a
	// rule, that one included; 0 if there was none.
	First int
	// Estimate is how many executions there are going to be, if Options.Estimate asks
	// for it: exact when the search is complete.
	Estimate Estimate
	// Chance says for PCT how likely each execution was to show a bug.
	Chance string
	// Part is not nil if the result is that of a shard.
	Part *Part
}

// The verdicts.
const (
	Violation    = "violation"
	Clean        = "clean"
	Inconclusive = "inconclusive"
)

// Verdict is "violation" if a rule was broken, "clean" if none was and the
// search was complete within its bound, and "inconclusive" otherwise: also if an
// execution was cut off, or none came to its end, for then nobody has asked whether
// somebody waits for ever or what is left.
func (r *Result) Verdict() string {
	switch {
	case len(r.Findings) > 0:
		return Violation
	case r.Complete && r.Part == nil && !sampled(r.Strategy) && r.Cut == 0 && r.ended():
		return Clean
	default:
		return Inconclusive
	}
}

// ended says that there was an execution that came to its end; or that there is none,
// and all states were visited.
func (r *Result) ended() bool {
	return r.Executions > 0 || r.Strategy == States && r.Merged > 0 && r.Assumed == 0
}
