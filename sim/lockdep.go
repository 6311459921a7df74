package sim

import "fmt"

// lockdep is the validator of locking, after kernel/locking/lockdep.c. All locks
// of one name are one class, and what holds for one of them holds for all. It
// learns the order of the classes (lockdep_graph.go) and in which contexts they
// are taken (lockdep_irq.go), and reports what could end in a deadlock: so a
// mistake is found in a single execution in which nothing went wrong. What it
// knows is of one execution only, so that a verdict depends on nothing else; what
// it numbers and allocates it keeps.
type lockdep struct {
	names []string // by class; class 0 is unused
	keys  []uint64 // by class: the same on every machine
	ids   map[string]int16
	sub   [][subclasses]int16 // by class: the classes of its subclasses
	claim []int8              // by class: the place in the claimed order, from 1
	wait  []waitKind          // by class: how one waits for its locks

	graph lockGraph
	irq   irqUsage
}

// taking is how a lock is taken.
type taking uint8

const (
	exclusive taking = iota
	// shared is a reader whom a writer stops, also one that only waits.
	shared
	// recursive is a reader whom only a writer inside stops.
	recursive
)

// held is one lock that a task holds.
type held struct {
	o     *Object
	class int16
	how   taking
	where Frame // when recording
}

const subclasses = 8

// SingleDepthNesting is SINGLE_DEPTH_NESTING: the subclass of a lock that is taken
// under one other of its class.
const SingleDepthNesting = 1

// Rules that lockdep watches beside those that every execution can break.
var (
	// BadSubclass is a subclass that there is not.
	BadSubclass = Kind{"bad-subclass", "BUG: looking up invalid subclass"}
	// HeldLockFreed is memory freed by a task that holds a lock in it.
	HeldLockFreed = Kind{"held-lock-freed", "WARNING: held lock freed"}
	// Held is a lock held where it must not be.
	Held = Kind{"lock-held", "WARNING: lock held"}
)

func (d *lockdep) reset() {
	clear(d.claim)
	d.graph.reset()
	d.irq.reset()
}

// class is the lock class of a name.
func (d *lockdep) class(name string) int16 {
	if c, ok := d.ids[name]; ok {
		return c
	}
	if d.ids == nil {
		d.ids = map[string]int16{}
		d.grow("")
	}
	d.ids[name] = int16(len(d.names))
	d.grow(name)
	return d.ids[name]
}

func (d *lockdep) grow(name string) {
	d.names = append(d.names, name)
	d.keys = append(d.keys, hashString(name))
	d.sub = append(d.sub, [subclasses]int16{})
	d.claim = append(d.claim, 0)
	d.wait = append(d.wait, anywhere)
	d.graph.grow(len(d.names))
	d.irq.grow(len(d.names))
}

// subclass is the class of locks of class c that are taken as subclass n.
func (d *lockdep) subclass(c int16, n int) int16 {
	if d.sub[c][n] == 0 {
		d.sub[c][n] = d.class(fmt.Sprintf("%s/%d", d.names[c], n))
	}
	return d.sub[c][n]
}

// InitLock is Init for a lock: locks of one name form a class whose order
// lockdep watches.
func (o *Object) InitLock(k *K, name string) {
	o.init(k, name)
	o.classify(k, name)
}

// classify puts o into the class of a name.
func (o *Object) classify(k *K, name string) {
	d := &k.m.lockdep
	o.class = d.class(name)
	for i, n := range k.m.claimed {
		if n == name {
			d.claim[o.class] = int8(i + 1)
		}
	}
}

// LockdepSetClass is lockdep_set_class(): the lock keeps its name and belongs to
// the class called key instead of that of its name. Nobody may hold it.
func (k *K) LockdepSetClass(l Lock, key string) { l.object().classify(k, key) }

// acquiring checks, before k may be blocked, that it may ask for o under the locks
// that it holds. It is for what is no lock that an interrupt could wait for, of
// which asking checks more.
func (k *K) acquiring(o *Object) {
	if len(k.held) > 0 && o.class != 0 && !k.m.aborting && !k.done() {
		k.nest(o, o.class, exclusive)
	}
}

// asking checks, before k may be blocked, that it may ask for o in the way how
// and as a subclass, and returns the class: that it may wait so where it is, that
// no interrupt does harm, and the order. That is the kernel's order of the checks.
func (k *K) asking(o *Object, how taking, subclass int) int16 {
	m, class := k.m, o.class
	if m.aborting || class == 0 || k.done() {
		return class
	}
	if subclass != 0 {
		if subclass < 0 || subclass >= subclasses {
			k.Fail(&Violation{Kind: BadSubclass, Subject: fmt.Sprintf("%d of %s", subclass, o.name)})
		}
		class = m.lockdep.subclass(class, subclass)
	}
	m.lockdep.wait[class] = o.wait
	k.mayWait(o, class)
	k.mark(o, class, how, k.context(true))
	if len(k.held) > 0 {
		k.nest(o, class, how)
	}
	return class
}

// nest checks that o can be asked for under the locks that k holds, and learns
// that it has been. It adds a dependency on each of them: to leave out those that
// follow from others, as the kernel does, would lose some where one of the locks
// is held by a reader.
func (k *K) nest(o *Object, class int16, how taking) {
	d := &k.m.lockdep
	inside := false
	for i := range k.held {
		h := &k.held[i]
		switch {
		case h.o != o && h.class != class:
			if c := d.claim[o.class]; c != 0 && c < d.claim[h.o.class] {
				k.Fail(&Violation{Kind: ClaimedOrder, Subject: o.name + " asked for under " + h.o.name})
			}
		case how == recursive && h.how != exclusive:
			inside = inside || h.o == o
		default:
			k.Fail(&Violation{Kind: Recursive, Subject: o.name, asked: o, askedAs: class, taking: how, holding: *h})
		}
	}
	if inside {
		return // the reader is in already and waits for nobody
	}
	for i := range k.held {
		h := &k.held[i]
		if h.class == class {
			continue
		}
		k.learnsOrder(h, class, how)
		if !d.graph.known(h.class, class, depend(h.how, how)) {
			k.depends(h, o, class, how)
		}
	}
}

// acquired enters o, of which acquiring has checked the order, into the locks that
// k holds, and the context.
func (k *K) acquired(o *Object, read bool) {
	how := exclusive
	if read {
		how = shared
	}
	k.mark(o, o.class, how, k.context(true))
	k.holds(o, o.class, how)
}

// holds enters o into the locks that k holds, as one of a class.
func (k *K) holds(o *Object, class int16, how taking) {
	h := held{o: o, class: class, how: how}
	if k.m.recording && len(k.at) > 0 {
		h.where = k.at[0]
	}
	k.held = append(k.held, h)
	k.passes(o, true)
}

// gotByTrying enters o, which a trylock has taken. As a trylock waits for nobody
// it depends on nothing that is held, and is as safe in an interrupt as outside;
// what is asked for under it depends on it as on any other.
func (k *K) gotByTrying(o *Object, how taking) {
	k.m.lockdep.wait[o.class] = o.wait
	k.mark(o, o.class, how, k.context(false))
	k.holds(o, o.class, how)
	k.passes(o, false)
}

// releasing takes o from the locks that k holds, and fails if it is not there
// or is held the other way.
func (k *K) releasing(o *Object, read bool) {
	for i := len(k.held) - 1; i >= 0; i-- {
		if h := &k.held[i]; h.o == o && (h.how != exclusive) == read {
			k.held = append(k.held[:i], k.held[i+1:]...)
			k.passes(o, true)
			return
		}
	}
	k.Fail(&Violation{Kind: BadUnlock, Subject: o.name})
}

// downgrading makes the writer k of o a reader, and fails if it is none.
func (k *K) downgrading(o *Object) {
	for i := range k.held {
		if h := &k.held[i]; h.o == o && h.how == exclusive {
			h.how = shared
			return
		}
	}
	k.Fail(&Violation{Kind: BadUnlock, Subject: o.name})
}

// freeing fails if k holds a lock that lies in the memory that it frees.
func (k *K) freeing(l *Life) {
	for i := range k.held {
		if h := &k.held[i]; h.o.life == l {
			v := &Violation{Kind: HeldLockFreed, Subject: h.o.name, life: l, holding: *h}
			v.write = (*splat).heldLockFreed
			k.Fail(v)
		}
	}
}

// Lock is any lock that lockdep knows.
type Lock interface{ object() *Object }

// AssertHeld is lockdep_assert_held(): it fails if k does not hold the lock.
func (k *K) AssertHeld(l Lock) {
	if !k.has(l, func(taking) bool { return true }) {
		k.assertionFails(NotHeld, l)
	}
}

// AssertHeldWrite is lockdep_assert_held_write(): it fails if k does not hold the
// lock for itself alone.
func (k *K) AssertHeldWrite(l Lock) {
	if !k.has(l, func(how taking) bool { return how == exclusive }) {
		k.assertionFails(NotHeld, l)
	}
}

// AssertHeldRead is lockdep_assert_held_read(): it fails if k does not hold the
// lock as a reader.
func (k *K) AssertHeldRead(l Lock) {
	if !k.has(l, func(how taking) bool { return how != exclusive }) {
		k.assertionFails(NotHeld, l)
	}
}

// AssertNotHeld is lockdep_assert_not_held(): it fails if k holds the lock.
func (k *K) AssertNotHeld(l Lock) {
	if k.has(l, func(taking) bool { return true }) {
		k.assertionFails(Held, l)
	}
}

func (k *K) has(l Lock, ok func(how taking) bool) bool {
	o := l.object()
	for _, h := range k.held {
		if h.o == o && ok(h.how) {
			return true
		}
	}
	return false
}

func (k *K) assertionFails(kind Kind, l Lock) {
	if !k.m.aborting && !k.setup {
		k.Fail(&Violation{Kind: kind, Subject: l.object().name})
	}
}
