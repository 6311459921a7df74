package sim

// clock is a vector clock over tasks: entry t is the epoch of task t up to which
// its owner knows what t did. Epochs begin at 1.
type clock []uint32

// at is the entry of t.
func (c clock) at(t TaskID) uint32 {
	if int(t) < len(c) {
		return c[t]
	}
	return 0
}

// grow makes room for n tasks.
func (c clock) grow(n int) clock {
	for len(c) < n {
		c = append(c, 0)
	}
	return c
}

// join takes over what d knows.
func (c clock) join(d clock) clock {
	c = c.grow(len(d))
	for i, e := range d {
		c[i] = max(c[i], e) // without a branch, which nothing could predict
	}
	return c
}

// inherit starts k's clock from what its parent knows.
func (k *K) inherit(parent *K) {
	k.clock = append(k.clock[:0], parent.clock...).grow(int(k.id) + 1)
	k.clock[k.id] = 1
	parent.tick()
}

// tick begins a new epoch of k, after it has published the old one.
func (k *K) tick() {
	k.clock = k.clock.grow(int(k.id) + 1)
	k.clock[k.id]++
}

// synchronise gives the use of o the ordering that the sc model grants to every
// marked access: a reader learns what writers had done, a writer publishes what
// it did. Those who only add to o learn nothing of each other.
// A plain store (mode Write) learns nothing, and what it replaces is forgotten.
func (k *K) synchronise(o *Object, mode Mode, store bool) {
	info := &k.m.objects[o.id]
	if k.m.weak != nil {
		k.m.weak.synchronise(k, o, mode)
		if k.inMemory {
			return
		}
	}
	if !store {
		k.clock = k.clock.join(info.stores)
		if mode != Add {
			k.clock = k.clock.join(info.adds)
		}
	}
	switch {
	case store, mode == Write: // one that is no plain store knows of the others already
		info.stores = append(info.stores[:0], k.clock...)
	case mode == Add:
		info.adds = info.adds.join(k.clock)
	default:
		return
	}
	k.tick()
}
