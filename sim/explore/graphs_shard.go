package explore

import (
	"math"

	"trapline/sim"
)

// A search by execution graphs is divided by the first turnings of its executions: down
// to a certain depth every shard takes every way, and a place at that depth, with all
// that is below it, belongs to one shard, by a hash of the ways that lead to it.
//
// Which turnings there are, and how many ways they have, depends on what is known of
// the program. So all shards learn the same before they begin: from the first executions
// of a search without shards, from those of [Options.Learnt], and from the ways to the
// places. What this shows is the tree
// that they divide. A shard that learns more begins again, and may then find ways that the
// tree has not (graphs_byways.go). It says which executions have shown it that steps use
// more than all know, and [Merge] wants all to know it if that is what it takes.

// divide finds out how the search is divided.
func (g *graphs) divide() (division, error) {
	if g.options.Shard.Of < 2 {
		return undivided, nil
	}
	if g.resumed == nil {
		if err := g.prepare(); err != nil {
			return undivided, err
		}
	}
	count := func(by division) error {
		g.division = by
		for {
			by.counted.places = 0
			g.first(0)
			ended, err := g.pass()
			if err != nil || !ended || !g.known.grown {
				return err
			}
		}
	}
	by, err := g.search.divide(count)
	if err != nil || g.resumed != nil {
		return by, err
	}
	// What was too deep has taught it something too, which may show more above.
	again := by
	again.counted = &counted{most: math.MaxInt}
	if err := count(again); err != nil {
		return by, err
	}
	g.byways.begin(&g.known)
	return by, nil
}

// mostFirst bounds the executions of a search without shards from which a shard learns
// before it begins. Tests have it learn less.
var mostFirst = 1024

// prepare teaches the search what every shard is to know.
func (g *graphs) prepare() error {
	take := func(strategy sim.Strategy) error {
		g.Repeat()
		if g.m.Run(g.program, strategy).Learnt {
			g.learning = append(g.learning, lesson{schedule: g.m.Schedule()})
			return errLearnt
		}
		g.follow(g.m)
		g.rest(g.m)
		return nil
	}
	g.first(0)
	for range mostFirst {
		before := g.known.growths
		if err := take(g); err != nil {
			return err
		}
		if g.known.growths > before {
			g.first(0)
		} else if !g.backtrack() {
			break
		}
	}
	for _, l := range g.learning {
		r := sim.NewReplay(l.schedule)
		if err := take(sim.StrategyFunc(r.Choose)); err != nil {
			return err
		}
	}
	return nil
}

// taught notes the execution that has ended, if it has shown a shard a use that others may
// have to know of.
func (g *graphs) taught(variety int) {
	if g.division.depth >= 0 && g.division.counted == nil && g.known.variety > variety {
		g.learning = append(g.learning, lesson{schedule: g.m.Schedule(), ours: true})
	}
}

// naming calls tasks and objects the same in all searches of a program.
type naming struct{ tasks, objects []uint64 }

func newNaming(names sim.Names) *naming {
	n := &naming{make([]uint64, len(names.Tasks)), make([]uint64, len(names.Objects))}
	for i, made := range names.Tasks {
		n.tasks[i] = fold(1, uint64(made[1]))
		if i > 0 {
			n.tasks[i] = fold(n.tasks[made[0]], uint64(made[1]))
		}
	}
	for i, made := range names.Objects {
		n.objects[i] = fold(n.tasks[made[0]], uint64(made[1]))
	}
	return n
}

func (n *naming) use(u useOf) uint64 {
	return fold(fold(n.tasks[u.task], n.objects[u.obj]), uint64(u.mode))
}

func (n *naming) extra(of stepOf, a sim.Access) uint64 {
	step := fold(fold(n.tasks[of.task], n.objects[of.obj]), hashOf(of.op.String()))
	return fold(fold(step, uint64(a.Mode)), n.objects[a.Obj])
}

// sum is the same of two searches that know the same, whatever the numbers of objects. Those
// of tasks are the order in which the search asks them, so their order counts.
func (k *knowledge) sum(names *naming) uint64 {
	sum := uint64(0)
	acts := make([]bool, len(names.tasks))
	for u := range k.uses {
		acts[u.task] = true
	}
	for i, id := range names.tasks {
		if acts[i] {
			sum = fold(sum, id)
		}
	}
	for u, n := range k.uses {
		sum += fold(names.use(u), uint64(n))
	}
	for of, uses := range k.extra {
		for _, a := range uses {
			sum += names.extra(of, a)
		}
	}
	return sum
}

// enters says whether the search may go on from the place that it has come to.
func (g *graphs) enters() bool {
	v := &g.division
	if g.place.reached || g.depth < v.depth {
		return true
	}
	g.place = whereabouts{reached: true, ours: g.ours()}
	if g.place.ours {
		g.alone()
	}
	if c := v.counted; c != nil {
		c.places++
		if c.places > c.most && v.depth > 1 {
			g.err = errDivided
		}
	}
	return g.place.ours
}

// ours says whether what has been decided so far leads to a place of the shard.
func (g *graphs) ours() bool {
	v := &g.division
	return v.counted == nil && g.wayHash()%uint64(v.shard.Of) == uint64(v.shard.Index)
}

// wayHash stands for what has been decided so far.
func (g *graphs) wayHash() uint64 {
	h := uint64(0)
	for i := range g.path[:g.depth] {
		h = fold(h, uint64(g.path[i].way))
	}
	return h
}

// foreign says whether the execution that has ended belongs to another shard.
func (g *graphs) foreign() bool {
	v := &g.division
	if c := v.counted; c != nil {
		c.steps += g.last.Steps
		return true
	}
	if !g.place.reached {
		g.place = whereabouts{reached: true, ours: g.ours()}
	}
	return !g.place.ours
}
