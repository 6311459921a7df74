package explore

import (
	"cmp"
	"errors"
	"fmt"

	"trapline/sim"
)

// An exhaustive search is divided among machines that do not talk to each other by
// the first steps of its executions. Down to a certain depth every shard tries
// every step that is possible and not asleep, so no race need put a sequence into
// a tree there; and every place at that depth, with all that is below it, belongs
// to one shard, by a hash of the names of the tasks that lead to it. What is asleep
// there is foreign to what is below, see pool: it stays asleep, but others have not
// seen to what can be done before it. So each trace is visited by one shard, and
// what can be lost is an execution in which a foreign step stays asleep to the
// end.
//
// All shards must come to the same places. So the depth must not depend on what a
// shard has seen, nor must what the machine has learnt of the program: each begins
// with the same executions, which teach the machine most of it. Should a shard
// learn more, its result says so, and [Merge] wants the others to know it too.

// division says how a search is divided.
type division struct {
	depth int // of the places that belong to one shard, -1 if there is one only
	shard Shard
	// counted is nil but while the depth is being found.
	counted *counted
}

// counted is how many places there are at one depth, and how many steps it took to
// find out.
type counted struct{ places, steps, most int }

// undivided is the division of a search that is not.
var undivided = division{depth: -1}

// enough is how many places there should be for each shard, so that all have about
// the same to do; and the others bound what finding the depth may cost. Tests ask for
// fewer places.
var enough = 16

const (
	mostPlaces   = 64 * 16
	mostPrepared = 1_000_000 // steps
)

// errDivided says that there are too many places at a depth.
var errDivided = errors.New("explore: too many places")

// divide finds the smallest depth at which there are enough places. The search by a
// division counts them, as far as it has something to count with.
func (s *search) divide(search func(by division) error) (division, error) {
	shard := s.options.Shard
	if shard.Of < 2 {
		return undivided, nil
	}
	if depth := s.resumed.depth(); depth > 0 {
		s.divided = depth
		return division{depth: depth, shard: shard}, nil
	}
	resumed := s.resumed // which is not what is counted
	s.resumed = nil
	defer func() { s.resumed = resumed }()
	best := 1
	for depth, steps := 1, 0; steps < mostPrepared; depth++ {
		c := &counted{most: mostPlaces * shard.Of}
		err := search(division{depth: depth, shard: shard, counted: c})
		if errors.Is(err, errDivided) {
			break
		}
		if err != nil {
			return undivided, err
		}
		best = depth
		steps += c.steps
		if c.places == 0 || c.places >= enough*shard.Of {
			break
		}
	}
	s.divided = best
	return division{depth: best, shard: shard}, nil
}

// depth is the depth of the division of a search that was divided before it was saved, or
// 0.
func (c *checkpoint) depth() int {
	switch {
	case c == nil:
	case c.Tree != nil && c.Tree.Begun:
		return c.Tree.Depth
	case c.Walk != nil:
		return c.Walk.Depth
	case c.States != nil:
		return c.States.Depth
	case c.Graphs != nil:
		return c.Graphs.Depth
	}
	return 0
}

// count counts the places at the depth of a division.
func (s *search) count(by division) error {
	p := newPool(s, newVariations(), by)
	d := p.workers[0]
	d.pool, p.workers = nil, p.workers[:1]
	_, err := d.walk()
	return err
}

// whereabouts says whether the execution under way has come to the depth of the
// division, and whether it belongs to this shard.
type whereabouts struct{ reached, ours bool }

// known is what is known of an execution before it is run.
func (d *worker) known() whereabouts {
	below := d.depth > d.crew.division.depth
	return whereabouts{reached: below, ours: below}
}

// ours says, at the depth of the division, whether the place is the shard's.
func (d *worker) ours() bool {
	v := &d.crew.division
	d.place = whereabouts{reached: true, ours: v.counted == nil && d.pathHash()%uint64(v.shard.Of) == uint64(v.shard.Index)}
	if c := v.counted; c != nil {
		c.places++
		if c.places > c.most && v.depth > 1 {
			d.err = errDivided
		}
	}
	return d.place.ours
}

// foreign says whether the execution that has ended belongs to another shard.
func (d *worker) foreign() bool {
	v := &d.crew.division
	if c := v.counted; c != nil {
		c.steps += d.last.Steps
		return true
	}
	if !d.place.reached {
		d.place = whereabouts{reached: true, ours: d.pathHash()%uint64(v.shard.Of) == uint64(v.shard.Index)}
	}
	return !d.place.ours
}

// pathHash is the same on every machine.
func (d *worker) pathHash() uint64 {
	h := uint64(0)
	for i := range d.path {
		t := &d.path[i].taken
		h = fold(h, hashOf(d.m.TaskName(t.task)))
		h = fold(h, uint64(t.choice))
	}
	return h
}

// hashOf is 64-bit FNV-1a.
func hashOf(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// expand puts every step that is possible and not asleep into the tree of a place
// above the depth of the division.
func (d *worker) expand(n *node, p *sim.Point) {
	end := &n.tree
	for _, t := range p.Tasks {
		choices := d.m.Choices(t)
		for c := range int16(max(choices, 1)) {
			if !n.sleeps(t, c) {
				*end = d.newWakeup(step{task: t, choice: c, picks: choices > 0})
				end = &(*end).next
			}
		}
	}
}

// prepared is the number of executions from which every shard learns.
const prepared = 64

// prepare teaches the machine of a shard what it can know before the search.
func (s *search) prepare() {
	s.machine.Run(s.program, sim.Undisturbed)
	w := &walk{}
	for i := range uint64(prepared) {
		w.begin(i)
		s.machine.Run(s.program, w)
	}
}

// relearn teaches the machine what it has learnt from executions before.
func (s *search) relearn() {
	for _, l := range s.learning {
		s.setLockAware(l.aware)
		r := sim.NewReplay(l.schedule)
		s.machine.Run(s.program, sim.StrategyFunc(r.Choose)) // gives up when it learns
	}
	s.setLockAware(s.lockAware)
}

// Fingerprint tells programs apart, and ways in which machines are set up: by what
// happens in some executions of p. A search can be resumed, and its shards can be
// merged, only if it is the same.
func Fingerprint(p sim.Program, o Options) uint64 {
	m := sim.NewMachine()
	defer m.Close()
	if o.Setup != nil {
		o.Setup(m)
	}
	h := hashOf(fmt.Sprint(checkpointVersion, m.MaxSteps, m.AllocMayFail, m.CommuteRMW, m.ProveRawLockNesting))
	seen := func(next sim.Strategy) sim.Strategy { return next }
	if o.Strategy == States { // they tell builds of the program apart that call one state by several names
		m.States = true
		seen = func(next sim.Strategy) sim.Strategy {
			return sim.StrategyFunc(func(m *sim.Machine, p *sim.Point) int {
				if p.Tasks != nil {
					h = fold(h, m.State())
				}
				return next.Choose(m, p)
			})
		}
	}
	take := func(o sim.Outcome) {
		h = fold(h, o.Hash)
		events := m.Events()
		for i := range events {
			e := &events[i]
			h = fold(h, hashOf(e.Op.String()))
			for _, a := range m.Accesses(e) {
				h = fold(h, uint64(a.Obj)<<24|uint64(a.Mode)<<16|uint64(a.Need))
			}
		}
	}
	take(m.Run(p, seen(sim.Undisturbed)))
	w := &walk{}
	for i := range uint64(8) {
		w.begin(i)
		take(m.Run(p, seen(w)))
	}
	return h
}

// Part is what [Merge] has to know of the search of one shard.
type Part struct {
	Shard Shard
	// Program is the [Fingerprint].
	Program uint64
	// Budget and Depth repeat the options.
	Budget, Depth int
	// Divided is the depth down to which every shard tries everything, 0 for a
	// sample.
	Divided int
	// Learnt are the executions in which the machine, or the search, has learnt
	// something of the program that other shards may not know, and Known counts all
	// that the machine knows.
	Learnt []sim.Schedule
	Known  int
	// Knowledge is the same of parts of a search under a memory model that divide it in
	// the same way. It is 0 for other searches. Byways are what such a part has found
	// that others may have counted as well. Seen is what it has seen steps use that not
	// all know of, and Missed what it would have had to see: numbers that mean the same in
	// all parts, in ascending order.
	Knowledge    uint64
	Byways       []Byway
	Seen, Missed []uint64
	// Visited are the states that the strategy States has visited in the part, in
	// ascending order: numbers that mean the same in all parts.
	Visited []uint64
}

// part describes the shard.
func (s *search) part() *Part {
	if s.options.Shard.Of < 2 {
		return nil
	}
	p := &Part{Shard: s.options.Shard, Program: s.print, Budget: s.options.Executions, Depth: s.options.Depth}
	if s.options.Strategy == PCT {
		p.Depth = cmp.Or(p.Depth, DefaultDepth)
	}
	if !sampled(s.options.Strategy) {
		p.Divided, p.Known = s.divided, s.machine.Known()
		p.Knowledge, p.Byways, p.Seen, p.Missed = s.shared.Knowledge, s.shared.Byways, s.shared.Seen, s.shared.Missed
		for _, l := range s.learning {
			p.Learnt = append(p.Learnt, l.schedule)
			if s.weak() && !l.ours {
				p.Knowledge = fold(p.Knowledge, hashOf(l.schedule.String()))
			}
		}
		p.Visited = s.visited
	}
	return p
}
