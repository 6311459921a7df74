package explore

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"trapline/sim"
)

// check refuses what no search with these options can have saved.
func (c *checkpoint) check(o *Options) error {
	for _, d := range []struct {
		what     string
		was, now any
	}{
		{"strategy", c.Strategy, o.Strategy}, {"bound", c.Preemptions, o.Preemptions}, {"bound of delays", c.Delays, o.Delays},
		{"awareness of locks", c.LockAware, o.LockAware}, {"bound of each task", c.TaskSteps, o.TaskSteps}, {"seed", c.Seed, o.Seed},
		{"depth", c.Depth, o.Depth}, {"shard", c.Shard, o.Shard},
	} {
		if d.was != d.now {
			return fmt.Errorf("it is of another search: its %s is %v, not %v", d.what, d.was, d.now)
		}
	}
	n := &c.Counts
	if min(c.Begun, n.Executions, n.Blocked, n.Merged, n.Cut, n.Assumed, n.Steps, n.Longest, n.States, n.Transitions, n.First, c.Known, c.Next) < 0 {
		return errors.New("a number is below 0")
	}
	m := sim.NewMachine()
	defer m.Close()
	if !m.Adopt(c.Names) {
		return errors.New("its tasks and objects are named twice")
	}
	for _, f := range c.Found {
		if _, err := sim.ParseSchedule(f.Schedule); err != nil {
			return err
		}
	}
	for _, l := range c.Learning {
		if _, err := sim.ParseSchedule(l); err != nil {
			return err
		}
	}
	if h := c.Habits; h != nil {
		if err := checkHabits(h, &c.Names); err != nil {
			return err
		}
	}
	if err := c.Outline.check(c.places()); err != nil {
		return err
	}
	switch {
	case c.Strategy == DPOR && c.Tree != nil:
		return c.Tree.check(&c.Names)
	case c.Strategy == DPOR && c.Graphs != nil:
		return c.Graphs.check(&c.Names)
	case c.Strategy == Bounded && c.Walk != nil:
		return c.Walk.check(c.Preemptions)
	case c.Strategy == States && c.States != nil:
		return c.States.check()
	case c.Strategy == Delays && c.Walk != nil:
		return c.Walk.check(c.Delays)
	case sampled(c.Strategy):
		return nil
	}
	return errors.New("it does not say where the search was")
}

// places is how many places the path of the search has.
func (c *checkpoint) places() int {
	switch {
	case c.Strategy == DPOR && c.Graphs != nil:
		return len(c.Graphs.Path)
	case c.Strategy == States && c.States != nil:
		return len(c.States.Path)
	case c.Walk != nil:
		return len(c.Walk.Path)
	}
	return 0
}

func below(x, n int) bool { return x >= 0 && x < n }

// checkHabits refuses what cannot be known of critical sections.
func checkHabits(h *sim.Habits, names *sim.Names) error {
	known := func(p []int) bool {
		return below(p[0], len(names.Objects)) && below(p[1], len(names.Objects)) && below(p[2], len(names.Tasks)) && below(p[3], int(sim.Add)+1)
	}
	for _, p := range h.Places {
		if !known(p[:]) {
			return fmt.Errorf("nothing is used as %v says", p)
		}
	}
	for _, s := range h.Sections {
		if len(s) == 0 || slices.ContainsFunc(s, func(u [5]int) bool { return !known(u[:]) }) {
			return fmt.Errorf("there is no section %v", s)
		}
	}
	return nil
}

// check refuses a tree that cannot be walked.
func (t *savedTree) check(names *sim.Names) error {
	uses := func(all [][2]int) bool {
		for _, u := range all {
			if !below(u[0], len(names.Objects)) || !below(u[1], int(sim.Add)+1) {
				return false
			}
		}
		return true
	}
	aStep := func(s savedStep) bool {
		return s[0] > 0 && below(s[0], len(names.Tasks)) && below(s[1], len(t.Prints)+1) && below(s[2], math.MaxInt16+1) && below(s[3], allMarks+1)
	}
	all := opNames()
	for _, name := range t.Ops {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no kind of steps %q (it is of another version)", name)
		}
	}
	for _, op := range t.Some {
		if !below(op, len(t.Ops)) {
			return fmt.Errorf("there is no kind of steps %d", op)
		}
	}
	for _, v := range t.Varying {
		if !below(v[0], len(t.Ops)) || !below(v[1], math.MaxInt32) {
			return fmt.Errorf("no kind of steps varies as %v", v)
		}
	}
	known := func(s [5]int) bool {
		return below(s[0], len(names.Tasks)) && below(s[1], math.MaxInt32) && below(s[2], len(t.Ops)) && below(s[3], len(names.Objects)) && below(s[4], math.MaxInt16+1)
	}
	for _, e := range t.Extra {
		if !known(e.Step) || !uses(e.Uses) {
			return fmt.Errorf("step %v uses what there is not", e.Step)
		}
	}
	for _, s := range t.Trusted {
		if !known(s) {
			return fmt.Errorf("there is no step %v", s)
		}
	}
	for _, o := range t.Joint {
		if !below(o, len(names.Objects)) {
			return fmt.Errorf("there is no object %d", o)
		}
	}
	for _, s := range t.Seen {
		if !t.Exact || !below(s.Uses, len(t.Prints)+1) {
			return fmt.Errorf("no step has used what is called %d", s.Uses)
		}
	}
	for _, p := range t.Prints {
		if !uses(p) {
			return fmt.Errorf("a step uses what there is not: %v", p)
		}
	}
	if t.Depth < 0 || !t.Begun && len(t.Nodes) > 0 {
		return errors.New("the search had not begun")
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		for _, s := range n.Asleep {
			if !aStep(s) {
				return fmt.Errorf("at place %d there is no step %v", i, s)
			}
		}
		for at, w := range n.Tree {
			if !aStep(w.Step) || !below(w.Below, len(n.Tree)-at) {
				return fmt.Errorf("in the tree of place %d there is no step %v", i, w.Step)
			}
		}
		if !nested(n.Tree) {
			return fmt.Errorf("the tree of place %d is none", i)
		}
		switch {
		case i == 0 && n.Parent == -1 && n.Slot == 0:
		case i == 0 || !below(n.Parent, i) || !below(n.Slot, len(t.Nodes[n.Parent].Asleep)):
			return fmt.Errorf("nothing leads to place %d", i)
		}
	}
	return t.checkTops()
}

// nested says whether every twig ends within the one that it is below.
func nested(tree []savedTwig) bool {
	var ends []int
	for i, w := range tree {
		for len(ends) > 0 && ends[len(ends)-1] <= i {
			ends = ends[:len(ends)-1]
		}
		end := i + 1 + w.Below
		if len(ends) > 0 && end > ends[len(ends)-1] {
			return false
		}
		ends = append(ends, end)
	}
	return true
}

// checkTops sees to it that a worker comes to every place.
func (t *savedTree) checkTops() error {
	seen := make([]bool, len(t.Nodes))
	for i, top := range t.Tops {
		if top < 0 || top >= len(t.Nodes) || len(t.Nodes[top].Tree) == 0 || slices.Contains(t.Tops[:i], top) {
			return fmt.Errorf("nothing can begin at place %d", top)
		}
		for n := top; n >= 0 && !seen[n]; n = t.Nodes[n].Parent {
			seen[n] = true
		}
	}
	if i := slices.Index(seen, false); i >= 0 {
		return fmt.Errorf("nobody comes to place %d", i)
	}
	return nil
}

func (w *savedWalk) check(preemptions int) error {
	if min(w.Bound, w.Depth, w.Leaves) < 0 || w.Bound > preemptions+1 || len(w.Seen)%seenSize != 0 || len(w.Above)%seenSize != 0 {
		return fmt.Errorf("the search with bound %d is none of up to %d", w.Bound, preemptions)
	}
	for _, b := range w.Path {
		if b[0] < 0 || b[0] >= b[1] || b[2] < 0 || b[2] >= 2*branchTask {
			return fmt.Errorf("there is no option %v", b)
		}
	}
	return nil
}
