package memory

import "errors"

// Program is what is explored.
type Program struct {
	// Tasks run concurrently.
	Tasks []Task
	// Init has the first values of locations by number; others begin with 0.
	Init map[int]int64
	// Locations is the number of locations. Those of spin locks, and of SRCU
	// domains, must not be loaded from or stored to.
	Locations int
	// Names are the names of locations, and are for Explain only. They may be missing.
	Names []string
}

// Options say how to explore a program.
type Options struct {
	// Model is the memory model.
	Model Model
	// LoadBuffering lets a load read from a store that depends on nothing that
	// the load's task did, though the store comes after the load in every order
	// of execution. Only LKMM has such executions.
	LoadBuffering bool
	// MaxExecutions bounds the number of executions; 0 is no bound. If it is
	// reached, the Coverage is not Complete.
	MaxExecutions int
}

// State is the end of one execution. It is valid during the call only.
type State struct {
	// Regs has the registers of each task, as far as they were set.
	Regs [][]int64
	// Mem has the value of the last store to each location in coherence order.
	Mem []int64
	// Race says that under LKMM two plain accesses, or a plain and a marked one,
	// race in this execution.
	Race bool
}

// Coverage says what was explored.
type Coverage struct {
	// Executions is the number of complete consistent execution graphs.
	Executions int
	// Blocked counts the partial graphs in which no task could go on.
	Blocked int
	// Complete says that no execution was left out.
	Complete bool
}

// Explore calls f once for each complete consistent execution graph of the program.
// Executions in which a task waits for ever give no state.
func Explore(p Program, o Options, f func(*State)) (Coverage, error) {
	return Coverage{}, errors.New("not yet")
}
