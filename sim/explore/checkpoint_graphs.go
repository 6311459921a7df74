package explore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"trapline/sim"
)

// savedGraphs is where a search by execution graphs is.
type savedGraphs struct {
	Done  bool     `json:"done,omitempty"`
	Depth int      `json:"depth,omitempty"` // of the division
	Path  [][3]int `json:"path"`            // the way, the ways, and whether it is a step
	Fresh int      `json:"fresh"`
	// The pass, and what is known.
	Patience int  `json:"patience"`
	Passed   int  `json:"passed"`
	Grown    bool `json:"grown,omitempty"`
	savedKnowledge
	// Of a shard: what all of them know, and what this one has found beyond it.
	Base   *savedKnowledge `json:"base,omitempty"`
	Byways []Byway         `json:"byways,omitempty"`
	Missed *savedKnowledge `json:"missed,omitempty"`
	Unlike bool            `json:"unlike,omitempty"`
}

// savedKnowledge is what is known.
type savedKnowledge struct {
	Uses  [][4]int    `json:"uses"` // the task, the object, the mode, and the last step
	Ops   []string    `json:"ops"`
	Extra []savedKind `json:"extra"`
}

// savedKind is what a kind of steps was found to use: the task, the kind, and the first
// object.
type savedKind struct {
	Step [3]int   `json:"step"`
	Uses [][2]int `json:"uses"`
}

// save notes where the search is.
func (g *graphs) save(c *checkpoint) {
	s := &savedGraphs{
		Depth: max(g.division.depth, 0), Path: [][3]int{}, Fresh: g.fresh, Patience: g.patience, Passed: g.passed, Grown: g.known.grown,
		savedKnowledge: g.known.save(),
	}
	c.Graphs, c.Outline = s, g.outline.save()
	for _, t := range g.path {
		step := 0
		if t.step {
			step = 1
		}
		s.Path = append(s.Path, [3]int{t.way, t.ways, step})
	}
	if b := &g.byways; b.base != nil {
		base, missed := b.base.save(), b.missed.save()
		s.Base, s.Byways, s.Missed, s.Unlike = &base, b.all(), &missed, b.unlike
	}
}

// save writes down what is known, in the same way each time.
func (k *knowledge) save() (s savedKnowledge) {
	for u, n := range k.uses {
		s.Uses = append(s.Uses, [4]int{int(u.task), int(u.obj), int(u.mode), int(n)})
	}
	slices.SortFunc(s.Uses, func(a, b [4]int) int { return slices.Compare(a[:], b[:]) })
	names := opNames()
	for of := range k.extra {
		if name := names[of.op]; !slices.Contains(s.Ops, name) {
			s.Ops = append(s.Ops, name)
		}
	}
	slices.Sort(s.Ops)
	for of, uses := range k.extra {
		e := savedKind{Step: [3]int{int(of.task), slices.Index(s.Ops, names[of.op]), int(of.obj)}}
		for _, a := range uses {
			e.Uses = append(e.Uses, [2]int{int(a.Obj), int(a.Mode)})
		}
		s.Extra = append(s.Extra, e)
	}
	slices.SortFunc(s.Extra, func(a, b savedKind) int { return slices.Compare(a.Step[:], b.Step[:]) })
	return s
}

// resume goes on where the search was.
func (g *graphs) resume(s *savedGraphs) {
	g.patience, g.passed, g.fresh = s.Patience, s.Passed, s.Fresh
	for _, t := range s.Path {
		g.path = append(g.path, turning{way: t[0], ways: t[1], step: t[2] == 1})
	}
	if s.Base != nil {
		base := s.Base.knowledge()
		g.byways.begin(&base)
		for _, way := range s.Byways {
			g.byways.found[way.Way] = &way
		}
		g.byways.missed = s.Missed.knowledge()
		g.byways.unlike = s.Unlike
	}
	g.known = s.knowledge()
	g.known.grown = s.Grown
	if s.Base != nil {
		g.known.growths++ // it may be more
	}
}

// knowledge is what was written down.
func (s *savedKnowledge) knowledge() knowledge {
	k := newKnowledge()
	for _, u := range s.Uses {
		k.uses[useOf{sim.TaskID(u[0]), sim.ObjID(u[1]), sim.Mode(u[2])}] = int32(u[3])
	}
	names := opNames()
	for _, e := range s.Extra {
		of := stepOf{task: sim.TaskID(e.Step[0]), op: sim.Op(slices.Index(names, s.Ops[e.Step[1]])), obj: sim.ObjID(e.Step[2])}
		for _, a := range e.Uses {
			k.extra[of] = append(k.extra[of], sim.Access{Obj: sim.ObjID(a[0]), Mode: sim.Mode(a[1])})
			k.variety++
		}
	}
	return k
}

// check refuses what no such search can have saved.
func (s *savedGraphs) check(names *sim.Names) error {
	if min(s.Depth, s.Passed) < 0 || s.Patience < firstPatience || !below(s.Fresh, len(s.Path)+1) {
		return errors.New("the search has not come to where it was")
	}
	for _, t := range s.Path {
		if !below(t[0], t[1]) || !below(t[2], 2) {
			return fmt.Errorf("there is no turning %v", t)
		}
	}
	if (s.Base != nil) != (s.Depth > 0) || (s.Missed != nil) != (s.Depth > 0) {
		return errors.New("it does not say what all shards know")
	}
	if s.Base != nil {
		if err := cmp.Or(s.Base.check(names), s.Missed.check(names)); err != nil {
			return err
		}
	}
	for i, w := range s.Byways {
		if min(w.Executions, w.Blocked, w.Cut, w.Assumed, w.Steps) < 0 || w.Way == 0 || i > 0 && s.Byways[i-1].Way >= w.Way {
			return fmt.Errorf("there is no byway %v", w)
		}
	}
	return s.savedKnowledge.check(names)
}

// check refuses what nobody can know.
func (s *savedKnowledge) check(names *sim.Names) error {
	for _, u := range s.Uses {
		mode := u[2] == int(memoryWrite) || below(u[2], int(sim.Add)+1)
		if !below(u[0], len(names.Tasks)) || !below(u[1], len(names.Objects)) || !mode || !below(u[3]-1, 1<<31-1) {
			return fmt.Errorf("nothing is used as %v says", u)
		}
	}
	all := opNames()
	for _, name := range s.Ops {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no kind of steps %q (it is of another version)", name)
		}
	}
	for _, e := range s.Extra {
		if !below(e.Step[0], len(names.Tasks)) || !below(e.Step[1], len(s.Ops)) || !below(e.Step[2], len(names.Objects)) {
			return fmt.Errorf("there is no step %v", e.Step)
		}
		for _, a := range e.Uses {
			if !below(a[0], len(names.Objects)) || !below(a[1], int(sim.Add)+1) {
				return fmt.Errorf("step %v uses what there is not", e.Step)
			}
		}
	}
	return nil
}
