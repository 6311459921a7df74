package explore

import (
	"maps"
	"slices"

	"trapline/sim"
)

// All shards of a search by execution graphs begin with the same knowledge, and what is
// common to them is the tree that it shows, down to the places. A shard learns more as it
// goes on, and others do not learn it: that somebody can wait in hope where this tree has
// no way for it. Above the places such a way is a byway. It is a way that an undivided
// search goes as well: what it leads to has to be visited once, but no shard can tell
// which others have found it. So each that has goes it, to the end, and counts apart what
// it leads to, and [Merge] takes it from one of them.
//
// Is anything missed? Where an execution is, in the order of the search, the first that
// nobody visits, somebody waits without hope, as what would come is not known to come.
// The execution in which it does not wait and the others do the same is an earlier one,
// so some shard has visited that, and knows. It finds the byway, if hope was lost above
// the places. Below them it is the same shard, but for who has waited since above: to
// them a shard grants hope as long as anybody goes on.
//
// What remains is a step that turns out to use more than it was seen to use by all. It
// matters if somebody is asked for it above the places, or would be asked, who has waited
// since above, in a shard that has not seen it. So a shard tells what it has seen and what
// it would have had to see, and [Merge] compares.

// A Byway is a way that a shard has found above the places at which the search is
// divided, and that not all shards know of. What it leads to is in the counts of the
// shard, and of any other that has found it.
type Byway struct {
	// Way stands for the way: it is the same for all shards.
	Way uint64 `json:"way,string"`
	// The rest is what has been counted on it.
	Executions int `json:"executions"`
	Blocked    int `json:"blocked"`
	Cut        int `json:"cut"`
	Assumed    int `json:"assumed"`
	Steps      int `json:"steps"`
}

// byways are those of a pass.
type byways struct {
	base  *knowledge // what all shards know, nil if nobody asks
	at    uint64     // the byway of the execution under way, 0 if it is on none
	found map[uint64]*Byway
	// missed has in extra the uses for which somebody would have been asked who has waited
	// since above the places.
	missed knowledge
	// unlike says that this shard asks tasks above the places that others would not ask.
	// Then it and others do not have the same places.
	unlike bool
}

// begin makes what is known now what all shards know.
func (b *byways) begin(k *knowledge) {
	base := *k
	base.uses, base.extra = maps.Clone(k.uses), maps.Clone(k.extra)
	for of, uses := range base.extra {
		base.extra[of] = slices.Clip(uses)
	}
	*b = byways{base: &base, found: map[uint64]*Byway{}, missed: newKnowledge()}
}

// forget begins a new pass.
func (b *byways) forget() {
	clear(b.found)
	clear(b.missed.extra)
	b.unlike = false
}

// common says whether the execution under way is where all shards come to.
func (g *graphs) common() bool { return g.byways.base != nil && !g.place.reached }

// leave is called where somebody waits in hope. If others have no hope there, the search
// is on a byway from here on.
func (g *graphs) leave(m *sim.Machine) {
	base := g.byways.base
	if !g.common() || g.known.growths == base.growths || g.hopeful(m, base) {
		return
	}
	g.place = whereabouts{reached: true, ours: true}
	g.byways.at = max(g.wayHash(), 1)
	g.alone()
}

// alone notes who waits where the search begins to be on its own.
func (g *graphs) alone() {
	for u := range g.tasks {
		if h := &g.tasks[u]; h.waits {
			h.above = true
		}
	}
}

// miss notes that somebody would have been asked who has waited since above the places,
// if his step were known to use what conflicts with one that was taken.
func (g *graphs) miss(m *sim.Machine, id sim.TaskID, taken []sim.Access) {
	of := g.kind(m, id)
	for _, a := range taken {
		for _, mode := range []sim.Mode{sim.Read, sim.Write, sim.Add} {
			if mode.Conflicts(a.Mode) {
				g.byways.missed.varies(of, a.Obj, mode)
			}
		}
	}
}

// counts is what has been counted in all.
func (g *graphs) counts() Byway {
	r, t := g.result, &g.tally
	return Byway{
		Executions: r.Executions + t.executions, Blocked: r.Blocked + t.blocked, Cut: r.Cut + t.cut,
		Assumed: r.Assumed + t.assumed, Steps: r.Steps + t.steps,
	}
}

// count enters the execution that has ended, if it was on a byway.
func (b *byways) count(before, after Byway) {
	if b.at == 0 {
		return
	}
	w := b.found[b.at]
	if w == nil {
		w = &Byway{Way: b.at}
		b.found[b.at] = w
	}
	w.Executions += after.Executions - before.Executions
	w.Blocked += after.Blocked - before.Blocked
	w.Cut += after.Cut - before.Cut
	w.Assumed += after.Assumed - before.Assumed
	w.Steps += after.Steps - before.Steps
}

// all are the byways in the order of what stands for them.
func (b *byways) all() []Byway {
	var all []Byway
	for _, way := range slices.Sorted(maps.Keys(b.found)) {
		all = append(all, *b.found[way])
	}
	return all
}

// tell leaves with the search what [Merge] has to know.
func (g *graphs) tell() {
	names, s, b := newNaming(g.machine.Names()), g.search, &g.byways
	s.shared.Knowledge = g.known.sum(names)
	if b.base == nil {
		return
	}
	if !b.unlike {
		s.shared.Knowledge = b.base.sum(names)
	}
	p := &s.shared
	p.Byways, p.Seen, p.Missed = b.all(), nil, nil
	for of, uses := range g.known.extra {
		for _, a := range uses[len(b.base.extra[of]):] {
			p.Seen = append(p.Seen, names.extra(of, a))
		}
	}
	for of, uses := range b.missed.extra {
		for _, a := range uses {
			p.Missed = append(p.Missed, names.extra(of, a))
		}
	}
	slices.Sort(p.Seen)
	slices.Sort(p.Missed)
}

// lacks says whether a shard would have had to know something that another has seen.
func (p *Part) lacks(q *Part) bool {
	return slices.ContainsFunc(q.Seen, func(use uint64) bool {
		_, missed := slices.BinarySearch(p.Missed, use)
		return missed
	})
}

// leaveOut takes what several parts have counted on one byway off the sum of all, but for
// the first of them.
func (r *Result) leaveOut(parts []*Result) error {
	seen := map[uint64]Byway{}
	for _, p := range parts {
		for _, w := range p.Part.Byways {
			first, again := seen[w.Way]
			switch {
			case !again:
				seen[w.Way] = w
				continue
			case r.Complete && (w.Executions != first.Executions || w.Cut != first.Cut || w.Assumed != first.Assumed):
				return notMerged("two parts have not seen the same of what both have found: %+v and %+v (is one of another trapline?)", first, w)
			case w.Executions > first.Executions: // one was stopped there
				w, seen[w.Way] = first, w
			}
			r.Executions -= w.Executions
			r.Blocked -= w.Blocked
			r.Cut -= w.Cut
			r.Assumed -= w.Assumed
			r.Steps -= w.Steps
		}
	}
	return nil
}
