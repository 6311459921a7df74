package explore

import "trapline/sim"

// A search by execution graphs is divided by the first turnings of its executions: down
// to a certain depth every shard takes every way, and a place at that depth, with all
// that is below it, belongs to one shard, by a hash of the ways that lead to it.
//
// Which turnings there are, and how many ways they have, depends on what is known of
// the program. So all shards learn the same before they begin: from executions that are
// drawn until they show nothing new, from the first ones of a search without shards, from
// those of [Options.Learnt], and from the ways to the places. A shard that learns more
// begins again, and says which executions have taught it that. In the end all must know
// the same, which [Merge] sees to: then the shards together have made the one pass that a
// search without shards ends with.

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
	return g.search.divide(func(by division) error {
		g.division = by
		for {
			by.counted.places = 0
			g.first(0)
			ended, err := g.pass()
			if err != nil || !ended || !g.known.grown {
				return err
			}
		}
	})
}

// mostRounds bounds the rounds of executions that are drawn for a shard to learn from
// before it begins, and mostFirst the executions of a search without shards. Tests have a
// shard learn less.
var mostRounds, mostFirst = 16, 1024

// prepare teaches the search what every shard is to know.
func (g *graphs) prepare() error {
	w := &walk{}
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
	for round := range mostRounds {
		before := g.known.growths
		for i := range prepared {
			w.begin(uint64(round*prepared + i))
			if err := take(w); err != nil {
				return err
			}
		}
		if g.known.growths == before {
			break
		}
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

// taught notes the execution that has ended, if it has taught a shard something that
// others may not know.
func (g *graphs) taught(growths int) {
	if g.division.depth >= 0 && g.division.counted == nil && g.known.growths > growths {
		g.learning = append(g.learning, lesson{schedule: g.m.Schedule(), ours: true})
	}
}

// sum is the same of two searches that know the same, whatever the numbers of objects. Those
// of tasks are the order in which the search asks them, so their order counts.
func (k *knowledge) sum(names sim.Names) uint64 {
	tasks, objects := make([]uint64, len(names.Tasks)), make([]uint64, len(names.Objects))
	for i, made := range names.Tasks {
		tasks[i] = fold(1, uint64(made[1]))
		if i > 0 {
			tasks[i] = fold(tasks[made[0]], uint64(made[1]))
		}
	}
	for i, made := range names.Objects {
		objects[i] = fold(tasks[made[0]], uint64(made[1]))
	}
	sum := uint64(0)
	acts := make([]bool, len(tasks))
	for u := range k.uses {
		acts[u.task] = true
	}
	for i, id := range tasks {
		if acts[i] {
			sum = fold(sum, id)
		}
	}
	for u, n := range k.uses {
		sum += fold(fold(tasks[u.task], objects[u.obj]), uint64(u.mode)<<32|uint64(n))
	}
	for of, uses := range k.extra {
		for _, a := range uses {
			sum += fold(fold(fold(tasks[of.task], objects[of.obj]), uint64(of.op)<<8|uint64(a.Mode)), objects[a.Obj])
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
	v, h := &g.division, uint64(0)
	for i := range g.path[:g.depth] {
		h = fold(h, uint64(g.path[i].way))
	}
	return v.counted == nil && h%uint64(v.shard.Of) == uint64(v.shard.Index)
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
