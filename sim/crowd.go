package sim

import "slices"

// crowd is the machinery of everything that waits for "those who are inside now":
// a grace period for the readers that were there when it began, rcu_barrier for
// the callbacks that were queued when it was called. Whoever comes later is not
// waited for.
//
// To come and to leave adds to the crowd's object, to begin to wait reads it. So
// those who come and go are ordered with the beginnings of waits only, and not
// with each other, and no more are the waits: N readers and one that waits for
// them have 3^N traces, as each reader is over by then, or inside, or yet to come.
//
// Those who are inside when a wait begins let the sleeper know when they leave, by
// adding to its own object; the last one wakes it. Who is the last is no matter.
type crowd struct {
	o      Object
	inside int
	begun  int // waits so far
	over   int // the latest of them for which nobody has to leave any more
	waits  []wait
	// polls is what those look at who ask how far the waits are. It is used
	// only while somebody does (rcu_poll.go).
	polls Object
	// readers says that it is one of readers, for whom grace periods wait.
	readers bool
}

// wait is one that is not over.
type wait struct {
	k    *K
	turn int // what begun was then
	left int // how many have to leave before it is over
}

func (c *crowd) reset() {
	c.inside, c.begun, c.over = 0, 0, 0
	clear(c.waits)
	c.waits = c.waits[:0]
}

// comeIn adds one more to those who are inside, as part of the step being taken.
// What it returns is to be given to goOut.
func (k *K) comeIn(c *crowd) (since int) {
	if k.m.weak != nil && c.readers {
		return k.m.weak.begins(k, c)
	}
	k.alsoAdds(&c.o)
	c.inside++
	return c.begun
}

// goOut takes one away who came when since waits had begun: the later ones do not
// wait for him.
func (k *K) goOut(c *crowd, since int) {
	if k.m.weak != nil && c.readers {
		k.m.weak.finishes(k, since)
		return
	}
	k.alsoAdds(&c.o)
	c.inside--
	k.progress(c)
	waits := c.waits[:0]
	for _, w := range c.waits {
		if w.turn > since {
			w.left--
			k.touchKnown(&w.k.wake, Add)
			if w.left == 0 {
				w.k.wake.Allow(graced)
				c.over = max(c.over, w.turn)
				continue
			}
		}
		waits = append(waits, w)
	}
	c.waits = waits
}

// waitFor waits for those who are inside now, in a call of the given kind. The
// step that begins the wait has been taken with the crowd's object, for reading.
func (k *K) waitFor(op Op, c *crowd) {
	c.begun++
	if k.m.weak != nil && c.readers {
		c.over = c.begun
		k.m.weak.waits(k, c)
		return
	}
	k.m.Fold(uint64(c.inside))
	k.progress(c)
	if c.inside == 0 {
		c.over = max(c.over, c.begun)
		return
	}
	// In the order of the tasks, whoever began first: that is no matter either.
	at := slices.IndexFunc(c.waits, func(w wait) bool { return w.k.order > k.order })
	if at < 0 {
		at = len(c.waits)
	}
	c.waits = slices.Insert(c.waits, at, wait{k, c.begun, c.inside})
	if k.Tracing() {
		k.Note("waits for %d", c.inside)
	}
	k.sleep(op, &c.o, graced)
	k.wake.Forbid(graced) // nobody else is to see it open
}

// progress tells those who poll that there may be something new.
func (k *K) progress(c *crowd) {
	if k.m.rcu.polled && c.polls.id != 0 {
		k.alsoAdds(&c.polls)
	}
}

// alsoAdds makes an addition to o a part of the step being taken, once.
func (k *K) alsoAdds(o *Object) {
	if k.m.uses(o, Add) {
		k.synchronise(o, Add, false)
	} else {
		k.Touch(o, Add)
	}
}

// touchKnown is Touch for a use of a lone object that follows from what the step
// is known to use: whom a reader wakes that leaves depends on which waits have
// begun, and their beginnings use the same crowd. So the step does not vary,
// although it cannot tell long before.
func (k *K) touchKnown(o *Object, mode Mode) {
	m := k.m
	if len(m.events) > 0 && m.uses(o, mode) {
		k.synchronise(o, mode, false)
		return
	}
	k.Touch(o, mode)
	if k.setup || len(m.events) == 0 {
		return
	}
	e := &m.events[len(m.events)-1]
	first, last := int(e.first+e.Known), int(e.last)-1
	a := m.accesses[last]
	a.Follows = true
	copy(m.accesses[first+1:last+1], m.accesses[first:last])
	m.accesses[first] = a
	e.Known++
}
