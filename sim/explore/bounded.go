package explore

import (
	"cmp"
	"fmt"

	"trapline/sim"
)

// price is what the option with an index costs at a point where a task is chosen.
type price func(running bool, option int) int

// preemptions is the price of Musuvathi and Qadeer's iterative context bounding (PLDI
// 2007): a preemption is a switch away from a task that could go on; other switches
// are free.
func preemptions(running bool, option int) int {
	if running && option > 0 {
		return 1
	}
	return 0
}

// delays is the price of Emmi, Qadeer and Rakamarić's delay bounding (POPL 2011). Left
// alone the machine lets the running task go on, and the eldest that can if it is
// blocked. A delay passes over the one whose turn it is, for this time. So the number
// of executions with a few delays does not grow with the number of tasks.
func delays(_ bool, option int) int { return option }

// bounded visits every state that can be reached at no more than the given cost,
// smaller costs first.
func (s *search) bounded(c price, most int) error {
	first := 0
	if s.resumed != nil {
		first = s.resumed.Walk.Bound
	}
	by, err := s.divide(func(by division) error {
		_, err := s.boundedBy(c, most, by)
		return err
	})
	if err != nil {
		return err
	}
	for bound := first; bound <= most; bound++ {
		s.within = ""
		if bound < most {
			s.within = s.boundText(bound)
		}
		visited, err := s.boundedBy(c, bound, by)
		if err != nil || visited == stopped {
			return err
		}
		if visited == everything {
			break
		}
	}
	s.resumed = nil
	return s.keep(func(c *checkpoint) { c.Walk = &savedWalk{Bound: most + 1, Depth: s.divided} })
}

// boundText is a bound in words.
func (s *search) boundText(bound int) string {
	what := "preemption"
	if s.options.Strategy == Delays {
		what = "delay"
	}
	if bound != 1 {
		what += "s"
	}
	return fmt.Sprint(bound, " ", what)
}

// boundedBy visits the states within one bound by depth-first search. A state
// is known by the partial order of the steps that lead to it, so it is expanded
// once for each way in which the search can go on from it: by which task is
// running, and by what is left to spend.
func (s *search) boundedBy(c price, bound int, by division) (extent, error) {
	w := &boundedWalk{price: c, bound: bound, seen: map[stateKey]int{}, crown: crown{division: by}}
	if by.depth >= 0 {
		w.above = map[stateKey]int{}
	}
	w.resume(s)
	if by.counted == nil {
		s.follow(&w.outline, w.toCome)
	}
	for {
		if by.counted == nil {
			if err := s.keepIfDue(w.save); err != nil {
				return stopped, err
			}
		}
		w.crown.next(len(w.path))
		w.begin()
		ran, err := s.runners[0].execute(w)
		if err == nil {
			err = cmp.Or(w.err, w.crown.err)
		}
		w.crown.took(s.runners[0].last.Steps)
		switch {
		case err != nil:
			return stopped, err
		case !ran && by.counted != nil:
			return stopped, nil
		case !ran:
			return stopped, s.keep(w.save)
		case w.depth < len(w.path):
			return stopped, fmt.Errorf("%w: an execution with %d choices has ended after %d", ErrNondeterministic, len(w.path), w.depth)
		}
		places := w.depth
		more := w.backtrack()
		w.outline.after(places, len(w.path))
		if !more {
			if w.refused {
				return within, nil
			}
			return everything, nil
		}
	}
}

// extent is how far a bounded search has come.
type extent int

const (
	stopped    extent = iota // before it was done
	within                   // all that the bound allows
	everything               // all there is: the bound did not matter
)

// boundedWalk is the strategy of one bounded search.
type boundedWalk struct {
	price   price
	bound   int
	seen    map[stateKey]int // what was left when last visited
	above   map[stateKey]int // the same of places above the depth of the division
	crown   crown
	path    []branch
	depth   int // points passed in this execution
	left    int // to spend
	state   stateHash
	err     error
	outline outline
	// refused says that an option was left out because of the bound.
	refused bool
}

// branch is one point of the path with the option taken there.
type branch struct {
	taken, options int
	running        bool // other options than 0 are preemptions
	choosesTask    bool
}

// spent is what an option of the branch costs.
func (w *boundedWalk) spent(b *branch, option int) int {
	if !b.choosesTask {
		return 0
	}
	return w.price(b.running, option)
}

// stateKey is a state of the search: the steps taken, and the running task if it
// could go on.
type stateKey struct {
	hash    uint64
	running sim.TaskID
}

func (w *boundedWalk) begin() {
	w.depth, w.left = 0, w.bound
	w.state.reset()
	w.crown.begin()
}

func (w *boundedWalk) foreign() bool { return w.crown.foreign() }

// Repeat follows the path as far as it was made.
func (w *boundedWalk) Repeat() { w.begin() }

// Choose follows the path, and beyond it takes option 0.
func (w *boundedWalk) Choose(m *sim.Machine, p *sim.Point) int {
	if w.depth == len(w.path) {
		if p.Tasks != nil && w.visited(m, p) || !w.crown.enters(w.depth) {
			return -1
		}
		w.path = append(w.path, branch{options: p.N, running: p.Running, choosesTask: p.Tasks != nil})
	}
	b := &w.path[w.depth]
	if b.options != p.N || b.running != p.Running || b.choosesTask != (p.Tasks != nil) {
		w.err = fmt.Errorf("%w: at step %d there were %d options, now %d", ErrNondeterministic, p.Step, b.options, p.N)
		return -1
	}
	w.depth++
	w.left -= w.spent(b, b.taken)
	return b.taken
}

// visited says whether the search has been in this state with as much left, and
// remembers it.
func (w *boundedWalk) visited(m *sim.Machine, p *sim.Point) bool {
	key := stateKey{hash: w.state.of(m)}
	if p.Running {
		key.running = p.Tasks[0]
	}
	seen := w.seen
	if w.depth <= w.crown.depth {
		seen = w.above
	}
	if left, ok := seen[key]; ok && left >= w.left {
		return true
	}
	seen[key] = w.left
	return false
}

// backtrack moves to the next path within the bound. It returns false when
// there is none.
func (w *boundedWalk) backtrack() bool {
	w.path = w.path[:w.depth]
	spent := 0
	for i := range w.path {
		spent += w.spent(&w.path[i], w.path[i].taken)
	}
	for n := len(w.path); n > 0; n = len(w.path) {
		b := &w.path[n-1]
		spent -= w.spent(b, b.taken)
		if b.taken+1 < b.options {
			if spent+w.spent(b, b.taken+1) <= w.bound {
				b.taken++
				return true
			}
			w.refused = true
		}
		w.path = w.path[:n-1]
	}
	return false
}

// toCome is how many options are to come, by place, that the bound allows.
func (w *boundedWalk) toCome() []int {
	all := make([]int, len(w.path))
	left := w.bound
	for i := range w.path {
		b := &w.path[i]
		for next := b.taken + 1; next < b.options && w.spent(b, next) <= left; next++ {
			all[i]++
		}
		left -= w.spent(b, b.taken)
	}
	return all
}

// stateHash folds the steps of an execution into a value that does not change
// when independent neighbours are exchanged: the sum over all steps of a hash of
// the step and of those that it directly depends on. It has 64 bits: that two of a
// million states share one is less likely than one in ten million.
type stateHash struct {
	events  int
	sum     uint64
	tasks   []uint64
	objects []objectHash
}

// objectHash is what later users of an object fold in. Of two steps that conflict
// one does so with the other: a read with the writes and additions before it,
// everything else with the last write.
type objectHash struct{ written, adds uint64 }

func (h *stateHash) reset() {
	h.events, h.sum = 0, 0
	clear(h.tasks)
	clear(h.objects)
}

// of is the hash after all steps that m has taken in this execution.
func (h *stateHash) of(m *sim.Machine) uint64 {
	events := m.Events()
	for len(h.tasks) < m.Tasks() {
		h.tasks = append(h.tasks, 0)
	}
	for len(h.objects) < m.Objects() {
		h.objects = append(h.objects, objectHash{})
	}
	for ; h.events < len(events); h.events++ {
		h.add(&events[h.events], m.Accesses(&events[h.events]))
	}
	return h.sum
}

func (h *stateHash) add(e *sim.Event, accesses []sim.Access) {
	x := fold(uint64(e.Task)<<32|uint64(uint16(e.Choice)), h.tasks[e.Task])
	for _, a := range accesses {
		o := &h.objects[a.Obj]
		x = fold(x, uint64(a.Obj)<<8|uint64(a.Mode))
		x = fold(x, o.written)
		if a.Mode == sim.Read {
			x = fold(x, o.adds)
		}
	}
	for _, a := range accesses {
		switch o := &h.objects[a.Obj]; a.Mode {
		case sim.Add:
			o.adds += x
		case sim.Write:
			*o = objectHash{written: x}
		}
	}
	h.tasks[e.Task] = x
	h.sum += x
}

// fold mixes y into x; it is the finaliser of splitmix64.
func fold(x, y uint64) uint64 {
	x = (x ^ y) + 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
