package explore

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"trapline/sim"
)

// exact remembers what steps have used that find out as they go, by all that came before
// them: their own tasks' steps, and those that conflict with what they were known to use.
// It is asked whether a sequence that was put into a tree has been visited since.
// If it has, behind a step that is independent of it, then its last step was
// taken there, after the same steps; what it used tells that it is
// independent. Without it that step is taken to use all that it was ever seen to use,
// and the sequence is begun in vain.
//
// It is kept from the first such execution on.
type exact struct {
	mu sync.Mutex
	// on changes only where a search begins anew, when it is wanted.
	on     bool
	wanted atomic.Bool
	seen   map[uint64]outcome
}

// mostExact bounds the memory that this takes, and lateExact how many executions may
// have been done when it is switched on, as these are done again.
const (
	mostExact = 1 << 18
	lateExact = 1 << 16
)

// outcome is what a step has done.
type outcome struct {
	uses   footprint
	fatal  bool // it broke a rule
	unlike bool // or another time it has done something else, after the same
}

// note enters what a step has done, by its signature.
func (x *exact) note(sign uint64, uses footprint, fatal bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := outcome{uses: uses, fatal: fatal}
	if old, ok := x.seen[sign]; ok && old != now {
		x.seen[sign] = outcome{unlike: true}
	} else if !ok && len(x.seen) < mostExact {
		x.seen[sign] = now
	}
}

// of returns what a step has done, if it was seen and has always done the same.
func (x *exact) of(sign uint64) (outcome, bool) {
	if sign == 0 {
		return outcome{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	o, ok := x.seen[sign]
	return o, ok && !o.unlike
}

// save is what it remembers, in the order of the signatures.
func (x *exact) save() []savedSign {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []savedSign
	for _, sign := range slices.Sorted(maps.Keys(x.seen)) {
		o := x.seen[sign]
		all = append(all, savedSign{sign, int(o.uses), o.fatal, o.unlike})
	}
	return all
}

// asked is how many of the uses of event e were asked for when it was taken.
func (o *order) asked(e *event) int32 {
	for n := range e.known {
		if o.accesses[e.first+n].Follows {
			return n
		}
	}
	return e.known
}

// signs are the signatures of an event, by what it was known to use and by all that it
// used.
type signs struct{ known, all uint64 }

// sign makes the signatures of event i, which has just been added.
func (o *order) sign(i int) {
	e := &o.events[i]
	o.signs = append(o.signs[:i], signs{
		known: o.signature(i, e.choice, e.first+o.asked(e), -1, nil),
		all:   o.signature(i, e.choice, e.end, -1, nil),
	})
}

// signature stands for event i with another choice, and all that comes before it because
// of its uses up to the given one, if event j and others, and what comes after them, have
// not happened.
func (o *order) signature(i int, choice int16, end int32, j int, others []int) uint64 {
	e := &o.events[i]
	h := fold(fold(uint64(e.task)<<32|uint64(e.number), uint64(e.op)), uint64(choice))
	if e.previous >= 0 {
		h = fold(h, o.signs[e.previous].all)
	}
	before := uint64(0)
	for u := e.first; u < end; u++ {
		a := &o.accesses[u]
		h = touch{a.Obj, a.Mode}.fold(h)
		for v := a.previous; v >= 0; v = o.accesses[v].previous {
			w := &o.accesses[v]
			k := int(w.event)
			if k == i || j >= 0 && (o.knows(o.events[k].clock, o.events[j].task, j) || o.afterAny(k, others)) {
				continue
			}
			if w.Mode.Conflicts(a.Mode) {
				before += fold(uint64(a.Obj), o.signs[k].all)
			}
			if w.Mode == sim.Write {
				break
			}
		}
	}
	return fold(h, before) | 1
}
