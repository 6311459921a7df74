package explore

import (
	"fmt"
	"slices"

	"trapline/sim"
)

// savedTree is what an exhaustive search has still to visit: the places where
// workers are about to begin, and those above them.
type savedTree struct {
	Begun   bool         `json:"begun"`
	Depth   int          `json:"depth,omitempty"` // of the division
	Ops     []string     `json:"ops"`
	Some    []int        `json:"some"`
	Varying [][2]int     `json:"varying"` // kinds, and how often they have grown
	Extra   []savedExtra `json:"extra"`
	Trusted [][5]int     `json:"trusted,omitempty"`
	Joint   []int        `json:"joint,omitempty"` // objects
	Exact   bool         `json:"exact,omitempty"`
	Seen    []savedSign  `json:"seen,omitempty"` // if Exact
	Prints  [][][2]int   `json:"prints"`         // objects and modes, from the second footprint on
	Nodes   []savedNode  `json:"nodes"`          // every parent before its children
	Tops    []int        `json:"tops"`
}

// savedExtra is what a step was found to use: its task, number, kind, object and
// choice.
type savedExtra struct {
	Step [5]int   `json:"step"`
	Uses [][2]int `json:"uses"`
}

// savedSign is what steps were seen to do by their signature.
type savedSign struct {
	Sign   uint64 `json:"sign"`
	Uses   int    `json:"uses,omitempty"` // a footprint
	Fatal  bool   `json:"fatal,omitempty"`
	Unlike bool   `json:"unlike,omitempty"`
}

type savedNode struct {
	Parent int         `json:"parent"` // -1 for the first place
	Slot   int         `json:"slot"`
	Shared bool        `json:"shared,omitempty"`
	Asleep []savedStep `json:"asleep"`
	Tree   []savedTwig `json:"tree,omitempty"`
}

// savedStep is a step: task, footprint, choice, and marks.
type savedStep [4]int

// savedTwig is a node of a wakeup tree: a step, and how many twigs follow that
// are below it.
type savedTwig struct {
	Step  savedStep `json:"step"`
	Below int       `json:"below,omitempty"`
	Sign  uint64    `json:"sign,omitempty"`
}

const (
	markPicks = 1 << iota
	markFatal
	markGuess
	markForeign
	markWild
	allMarks = 1<<iota - 1
)

// opNames are names for all kinds of steps: several may have one C form.
func opNames() []string {
	names, seen := sim.Ops(), map[string]int{}
	for i, n := range names {
		seen[n]++
		if seen[n] > 1 {
			names[i] = fmt.Sprintf("%s #%d", n, seen[n])
		}
	}
	return names
}

// save notes what is still to be visited. The workers are between two executions.
func (p *pool) save(c *checkpoint) {
	v := p.variations
	v.mu.Lock()
	defer v.mu.Unlock()
	t := &savedTree{Depth: max(p.division.depth, 0), Begun: p.finished}
	c.Tree = t
	names, index := opNames(), map[sim.Op]int{}
	number := func(op sim.Op) int {
		if _, ok := index[op]; !ok {
			index[op] = len(t.Ops)
			t.Ops = append(t.Ops, names[op])
		}
		return index[op]
	}
	for op := range sim.Op(len(names)) {
		if v.some.has(op) {
			t.Some = append(t.Some, number(op))
		}
		if v.varying.has(op) {
			t.Varying = append(t.Varying, [2]int{number(op), v.growths[op]})
		}
	}
	for k, uses := range v.extra {
		e := savedExtra{Step: [5]int{int(k.task), int(k.number), number(k.op), int(k.obj), int(k.choice)}}
		for _, u := range uses {
			e.Uses = append(e.Uses, [2]int{int(u.obj), int(u.mode)})
		}
		t.Extra = append(t.Extra, e)
	}
	for k := range v.trusted {
		t.Trusted = append(t.Trusted, [5]int{int(k.task), int(k.number), number(k.op), int(k.obj), int(k.choice)})
	}
	v.joint.all(func(o sim.ObjID) { t.Joint = append(t.Joint, int(o)) })
	t.Exact = v.exact.on
	t.Seen = v.exact.save()
	slices.SortFunc(t.Trusted, func(a, b [5]int) int { return slices.Compare(a[:], b[:]) })
	slices.SortFunc(t.Extra, func(a, b savedExtra) int { return slices.Compare(a.Step[:], b.Step[:]) })
	p.feet.mu.Lock()
	for i := range p.feet.prints[1:] {
		uses := [][2]int{}
		for _, u := range p.feet.prints[1+i].uses {
			uses = append(uses, [2]int{int(u.obj), int(u.mode)})
		}
		t.Prints = append(t.Prints, uses)
	}
	p.feet.mu.Unlock()
	known := map[*node]int{}
	for _, d := range p.workers {
		t.Begun = t.Begun || d.started
		for i := range d.path {
			t.node(known, d.path[i].node)
		}
		if n := len(d.path); n > 0 {
			t.top(known[d.path[n-1].node], &d.path[n-1])
		}
	}
	for _, n := range p.tops[min(len(p.tops), len(p.workers)):] {
		t.waiting(known, n)
	}
}

// waiting saves a place that no worker has come to since the search was resumed.
func (t *savedTree) waiting(known map[*node]int, n *node) {
	if n.tree == nil || n.opening {
		return
	}
	var way []*node
	for x := n; x != nil; x = x.parent {
		way = append(way, x)
	}
	for _, x := range slices.Backward(way) {
		t.node(known, x)
	}
	if i := known[n]; !slices.Contains(t.Tops, i) {
		t.Tops = append(t.Tops, i)
	}
}

// node saves a place, whose parent is known.
func (t *savedTree) node(known map[*node]int, n *node) {
	if _, ok := known[n]; ok {
		return
	}
	s := savedNode{Parent: -1, Slot: n.slot, Shared: n.shared, Asleep: []savedStep{}, Tree: twigs(nil, n.tree)}
	if n.parent != nil {
		s.Parent = known[n.parent]
	}
	for i := range n.asleep {
		s.Asleep = append(s.Asleep, saveStep(&n.asleep[i]))
	}
	known[n] = len(t.Nodes)
	t.Nodes = append(t.Nodes, s)
}

// top takes the step back that a worker is about to take at a place.
func (t *savedTree) top(i int, v *visit) {
	s := &t.Nodes[i]
	s.Asleep = s.Asleep[:v.slot]
	tree := twigs([]savedTwig{{Step: saveStep(&v.taken)}}, v.below)
	tree[0].Below = len(tree) - 1
	s.Tree = append(tree, s.Tree...)
	t.Tops = append(t.Tops, i)
}

// twigs appends a wakeup tree.
func twigs(to []savedTwig, w *wakeup) []savedTwig {
	for ; w != nil; w = w.next {
		at := len(to)
		to = twigs(append(to, savedTwig{Step: saveStep(&w.step), Sign: w.sign}), w.child)
		to[at].Below = len(to) - at - 1
	}
	return to
}

func saveStep(s *step) savedStep {
	marks := 0
	for i, on := range []bool{s.picks, s.fatal, s.guess, s.foreign, s.wild} {
		if on {
			marks |= 1 << i
		}
	}
	return savedStep{int(s.task), int(s.uses), int(s.choice), marks}
}

func (s savedStep) step() step {
	return step{
		task: sim.TaskID(s[0]), uses: footprint(s[1]), choice: int16(s[2]),
		picks: s[3]&markPicks != 0, fatal: s[3]&markFatal != 0, guess: s[3]&markGuess != 0, foreign: s[3]&markForeign != 0, wild: s[3]&markWild != 0,
	}
}

// resume puts what was saved into a pool, and the workers where they were. Others
// than those who are there now find theirs as if it had been offered.
func (p *pool) resume() {
	p.s.divided = max(p.division.depth, 0)
	if p.s.resumed == nil {
		return
	}
	t := p.s.resumed.Tree
	p.s.resumed = nil
	t.variations(p.variations)
	for _, uses := range t.Prints {
		var touches []touch
		for _, u := range uses {
			touches = append(touches, touch{sim.ObjID(u[0]), sim.Mode(u[1])})
		}
		p.feet.add(touches)
	}
	nodes := make([]*node, len(t.Nodes))
	for i := range t.Nodes {
		s := &t.Nodes[i]
		n := &node{slot: s.Slot, shared: s.Shared, tree: untwig(s.Tree)}
		if s.Parent >= 0 {
			n.parent = nodes[s.Parent]
			n.depth = n.parent.depth + 1
		}
		for _, a := range s.Asleep {
			n.asleep = append(n.asleep, a.step())
		}
		nodes[i] = n
	}
	for _, top := range t.Tops {
		p.tops = append(p.tops, nodes[top])
	}
	p.finished = t.Begun && len(t.Tops) == 0
	for _, d := range p.workers {
		d.started = t.Begun
		if len(t.Tops) > 1 {
			d.pool = p
		}
	}
	for i, n := range p.tops {
		if i < len(p.workers) {
			p.workers[i].goTo(n, false)
			continue
		}
		n.offered, n.shared = true, true
		p.open = append(p.open, n)
	}
}

// variations puts what was known of the variations of steps back.
func (t *savedTree) variations(v *variations) {
	names := opNames()
	op := func(i int) sim.Op { return sim.Op(slices.Index(names, t.Ops[i])) }
	for _, i := range t.Some {
		v.some.add(op(i))
	}
	for _, grown := range t.Varying {
		v.varies(op(grown[0]), grown[1])
	}
	key := func(s [5]int) stepKey {
		return stepKey{task: sim.TaskID(s[0]), number: int32(s[1]), op: op(s[2]), obj: sim.ObjID(s[3]), choice: int16(s[4])}
	}
	for _, e := range t.Extra {
		var uses []touch
		for _, u := range e.Uses {
			uses = append(uses, touch{sim.ObjID(u[0]), sim.Mode(u[1])})
		}
		v.extra[key(e.Step)] = uses
	}
	for _, s := range t.Trusted {
		v.trusted[key(s)] = true
	}
	for _, o := range t.Joint {
		v.joint.add(sim.ObjID(o))
	}
	v.exact.on = t.Exact
	for _, s := range t.Seen {
		v.exact.seen[s.Sign] = outcome{footprint(s.Uses), s.Fatal, s.Unlike}
	}
}

// untwig is the wakeup tree that was saved.
func untwig(tree []savedTwig) *wakeup {
	var first *wakeup
	end := &first
	for i := 0; i < len(tree); i += 1 + tree[i].Below {
		*end = &wakeup{step: tree[i].Step.step(), child: untwig(tree[i+1 : i+1+tree[i].Below])}
		(*end).sign = tree[i].Sign
		end = &(*end).next
	}
	return first
}
