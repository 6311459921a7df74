package explore

import (
	"fmt"
	"math"

	"trapline/sim"
)

// pct is the scheduler of Burckhardt, Kothari, Musuvathi and Nagarakatte ("A
// Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS
// 2010). Tasks have random priorities, and of those that can go on the one with
// the highest does. Before depth-1 steps, drawn from the first k, the task that
// would take the step gets a priority below all others. An execution of n tasks
// and k steps so finds a bug of that depth (the number of orders between steps
// that it takes to see it) with probability 1/(n·k^(depth-1)) or more.
//
// n and k are the most tasks and steps of an execution of the profile. A task
// that is spawned draws its priority when it can first go on. Values of choices
// are drawn uniformly, and are outside of the guarantee.
type pct struct {
	draw
	depth  int
	n, k   int // of the profile
	most   int // tasks of one execution
	active int // tasks of this execution
	// priorities are by TaskID, 0 if the task has none yet. Those drawn at the
	// beginning have the highest bit; i+1 is the one of the i-th change.
	priorities []uint64
	changes    []int // the steps before which a priority changes
	ids        []bool
}

// DefaultDepth is the depth of the strategy PCT.
const DefaultDepth = 3

// MostDepth is the largest depth that Options.Depth may ask for: no execution has more
// steps to order.
const MostDepth = sim.DefaultMaxSteps

func (c *pct) learn(m *sim.Machine) {
	c.ids = append(c.ids[:0], make([]bool, m.Tasks())...)
	n := 0
	enter := func(t sim.TaskID) {
		if !c.ids[t] {
			c.ids[t] = true
			n++
		}
	}
	for _, e := range m.Events() {
		enter(e.Task)
	}
	for _, t := range m.Unfinished() {
		enter(t)
	}
	c.n, c.k = max(c.n, n), max(c.k, len(m.Events()))
}

func (c *pct) learnt() {
	c.changes = make([]int, c.depth-1)
	c.most = c.n
}

func (c *pct) begin(i uint64) {
	c.start(i)
	c.active = 0
	clear(c.priorities)
	for i := range c.changes {
		c.changes[i] = c.below(max(c.k, 1))
	}
}

// Restart draws the same execution again.
func (c *pct) Restart() { c.begin(c.index) }

// Choose takes the task with the highest priority, after the changes that are
// due before this step.
func (c *pct) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return c.below(p.N)
	}
	for len(c.priorities) < m.Tasks() {
		c.priorities = append(c.priorities, 0)
	}
	for _, t := range p.Tasks {
		if c.priorities[t] == 0 {
			c.priorities[t] = c.pcg.Uint64() | 1<<63
			c.active++
			c.most = max(c.most, c.active)
		}
	}
	best := highest(c.priorities, p.Tasks)
	for i, at := range c.changes {
		if at == p.Step {
			c.priorities[p.Tasks[best]] = uint64(i + 1)
			best = highest(c.priorities, p.Tasks)
		}
	}
	return best
}

// highest is the place of the task with the highest priority.
func highest(priorities []uint64, tasks []sim.TaskID) int {
	best := 0
	for i, t := range tasks {
		if priorities[t] > priorities[tasks[best]] {
			best = i
		}
	}
	return best
}

// chance is the guarantee in words, for a sample with executions of up to the
// given number of steps.
func (c *pct) chance(longest int) string {
	if c.changes == nil {
		return "" // nothing was drawn yet
	}
	s := fmt.Sprintf("an execution shows a bug of depth %d with probability 1/(n·k^%d) = %.3g or more, n = %d tasks, k = %d steps (the most of the first %d executions)",
		c.depth, c.depth-1, 1/(float64(max(c.n, 1))*math.Pow(float64(max(c.k, 1)), float64(c.depth-1))), c.n, c.k, profiled)
	if c.most > c.n || longest > c.k {
		s += fmt.Sprintf("; not if it is longer: there were executions of %d tasks and %d steps", c.most, longest)
	}
	return s
}
