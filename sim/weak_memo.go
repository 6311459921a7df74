package sim

import "trapline/sim/graph"

// A search runs the beginning of an execution again for each of its ends. What the
// model allows there is the same each time, and takes long to find out: so it is kept, by
// the trace hash, which stands for all that has happened, and what was asked.

// memo is what is kept.
type memo struct {
	on       bool
	now, old map[uint64][]graph.Event
}

// mostKept is how many answers are kept before those that nobody has asked for since
// are forgotten.
const mostKept = 1 << 17

// question is what may be asked.
type question uint64

const (
	whichSources question = iota
	whichPlaces
	newestPlain
	isConsistent
)

// ask is answer(), or what it was before. The result is valid for good.
func (w *weak) ask(k *K, q question, o *Object, answer func() []graph.Event) []graph.Event {
	c := &w.memo
	if !c.on || k.m.trial.k != nil {
		return answer()
	}
	h := mix(mix(k.m.hash, uint64(w.graph.Len())), uint64(q)<<60|uint64(k.id)<<32|uint64(k.steps))
	if o != nil {
		h = mix(h, uint64(o.id))
	}
	if all, ok := c.now[h]; ok {
		return all
	}
	all, ok := c.old[h]
	if !ok {
		all = append([]graph.Event{}, answer()...)
	}
	if len(c.now) >= mostKept {
		c.now, c.old = nil, c.now
	}
	if c.now == nil {
		c.now = map[uint64][]graph.Event{}
	}
	c.now[h] = all
	return all
}

// forget forgets everything: the machine has learnt something, and will take other
// steps.
func (c *memo) forget() { c.now, c.old = nil, nil }
