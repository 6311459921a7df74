package explore

import (
	"time"

	"trapline/sim"
	"trapline/sim/memory"
)

// The strategies.
const (
	// DPOR visits every Mazurkiewicz trace of the program once.
	DPOR = "dpor"
	// Bounded visits every state that can be reached with a given number of
	// preemptions.
	Bounded = "bounded"
	// States visits each state of the program once, and not every way to it, but for
	// states that only another order of independent steps goes through.
	States = "states"
	// Delays visits every state that can be reached with a given number of delays.
	Delays = "delays"
	// Random visits executions drawn from a seed: a uniform random walk.
	Random = "random"
	// PCT, POS and SURW draw executions in other ways: by random priorities of
	// tasks with a few changes, by random priorities of steps, and so that all
	// orders of some of the steps are equally likely.
	PCT  = "pct"
	POS  = "pos"
	SURW = "surw"
)

// Strategies lists the names that Options.Strategy may have.
func Strategies() []string {
	return append([]string{DPOR, Bounded, Delays, States}, Samples()...)
}

// Samples lists those of them that draw executions from a seed.
func Samples() []string { return []string{Random, PCT, POS, SURW} }

// Options say how to explore. The zero value is an exhaustive search without a
// budget.
type Options struct {
	// Strategy is one of Strategies; empty means DPOR.
	Strategy string
	// Preemptions bounds the search of the strategy Bounded, and Delays that of the
	// strategy Delays.
	Preemptions, Delays int
	// TaskSteps, with any strategy, bounds the steps that each task takes in an
	// execution, 0 for no bound. A search can be complete up to it, also of a program
	// that does not end. Executions that it cuts off are not asked whether somebody
	// waits for ever or what is left at the end.
	TaskSteps int
	// Executions is the budget, 0 for none. It covers the search; the search
	// for fewer preemptions has MinimiseExecutions.
	Executions int
	// MinimiseExecutions bounds the second search, for the schedules with the
	// fewest preemptions, 0 for DefaultMinimise.
	MinimiseExecutions int
	// Seed is the seed of the strategies that draw executions: Random, PCT, POS
	// and SURW.
	Seed uint64
	// Depth is the bug depth that PCT aims at, up to MostDepth, 0 for DefaultDepth.
	Depth int
	// Shard is the part of the search to make: of the sample, of the interleavings, of
	// the states, or of the execution graphs.
	Shard Shard
	// Learnt are executions with which a shard is to begin, so
	// that it knows what others have learnt, see [Part].
	Learnt []sim.Schedule
	// SelfCheck runs every schedule twice and compares what happened.
	SelfCheck bool
	// Workers is how many goroutines search at the same time, 0 for one. Only
	// the strategy DPOR uses more than one. The program must be safe to be called
	// by all of them.
	Workers int
	// Alone is the number of executions that one worker makes before the others
	// join it: a short search is then the same, whatever their number.
	Alone int
	// Checkpoint, if not nil, is given now and then, and when the search ends, what
	// it takes to resume the search. It is for a file. CheckpointEvery is how
	// often, 0 for DefaultCheckpointEvery, negative for after every execution; it is
	// less often where that would take more than a tenth of the time. An error ends the
	// search.
	Checkpoint      func(state []byte) error
	CheckpointEvery time.Duration
	// Resume is what Checkpoint was given by an earlier search with the same
	// program and the same options, but for the budgets and the number of workers.
	// Its executions count. If the machine learns something more of the program,
	// the search begins anew, as any search does.
	Resume []byte
	// LockAware has the strategy DPOR not explore the order of critical sections
	// of one mutex or spinlock that commute, as far as the lock is fit for it
	// (see sim/section.go). What is found, and the end states, are the same.
	LockAware bool
	// Estimate is how many executions an estimate of the size of the search, see
	// Result.Estimate, may be drawn from, 0 for none. It is made as the search goes on,
	// for Progress, and when it stops before it is done. A few hundred will do. Only
	// the strategy DPOR under sc draws; the others go by what they have seen, and make
	// none of a shard.
	Estimate int
	// Memory is the memory model. With another one than SC there are the strategies
	// DPOR, which then goes by execution graphs (see graphs.go) and has one worker,
	// Random and PCT, POS and SURW.
	Memory memory.Model
	// AllowIncomplete lets Check pass a search that is not complete.
	AllowIncomplete bool
	// Setup, if not nil, is applied to every machine before it is used.
	Setup func(m *sim.Machine)
	// Progress, if not nil, is told now and then how far the search is.
	Progress func(r *Result)
}

// DefaultMinimise is the budget of the search for fewer preemptions.
const DefaultMinimise = 50_000

// endlessMinimise is the same for a search that has given up, as what it visits has no
// end.
const endlessMinimise = 1_000

// afterwards bounds the second search when all findings are known to be minimal.
const afterwards = 5_000

// mostWorkers is how many workers a search can have. Each has a machine.
const mostWorkers = 1024

// DefaultRandom is the number of executions of a sample if neither
// Options.Executions nor the context has a limit.
const DefaultRandom = 10_000

// merges says whether a strategy goes by states, and gives up executions that come
// to one that has been visited.
func merges(strategy string) bool {
	return strategy == Bounded || strategy == Delays || strategy == States
}
