package sim

// held is one lock that a task holds.
type held struct {
	o     *Object
	read  bool
	where Frame // when recording
}

const maxClasses = 64

// lockdep is the validator of lock order, after kernel/locking/lockdep.c. All
// locks of one name are one class. It learns an edge A -> B when a task that
// holds A asks for B, and reports the edge that closes a cycle: so an inversion
// is found in a single execution in which nothing went wrong. What it knows is
// of one execution only, so that a verdict depends on nothing else.
type lockdep struct {
	names []string // by class; class 0 is unused
	after [maxClasses]uint64
	usage [maxClasses]usage
	edges []edge // in the order in which they were learnt, when recording
	claim [maxClasses]int8
	first map[usedAs][]Frame // where a class was first used so, when recording
}

// usedAs is one way in which the locks of a class were used.
type usedAs struct {
	class int16
	how   usage
}

// edge is one dependency, with the place where it was learnt.
type edge struct {
	from, to int16
	task     *K
	stack    []Frame
}

// usage says in which contexts the locks of a class were taken: four bits for
// writers, four more for readers, and then whether they were taken in an NMI and
// anywhere else.
type usage uint16

const (
	inHardIRQ usage = 1 << iota
	hardIRQOn
	inSoftIRQ
	softIRQOn

	inNMI      usage = 1 << 8
	initialUse usage = 1 << 9
)

// inconsistent says whether the locks are taken both in an interrupt and where it
// can come, other than by readers only.
func (u usage) inconsistent(in, on usage) bool {
	write, read := u&15, u>>4&15
	return write&in != 0 && (write|read)&on != 0 || write&on != 0 && (write|read)&in != 0
}

// String is the usage as lockdep prints it: a character each for writers in
// hardirqs, readers in hardirqs, writers in softirqs, readers in softirqs.
func (u usage) String() string {
	c := func(in, on usage) byte { return ".-+?"[flag(u&in != 0)+2*flag(u&on != 0)] }
	return string([]byte{
		c(inHardIRQ, hardIRQOn), c(inHardIRQ<<4, hardIRQOn<<4),
		c(inSoftIRQ, softIRQOn), c(inSoftIRQ<<4, softIRQOn<<4),
	})
}

func (d *lockdep) reset() {
	n := max(len(d.names), 1)
	clear(d.after[:n])
	clear(d.usage[:n])
	clear(d.claim[:n])
	d.edges = d.edges[:0]
	clear(d.first)
}

// class is the lock class of a name.
func (d *lockdep) class(name string) int16 {
	for i, n := range d.names {
		if i > 0 && n == name {
			return int16(i)
		}
	}
	if d.names == nil {
		d.names = []string{""}
	}
	if len(d.names) == maxClasses {
		panic("sim: more than 63 lock classes")
	}
	d.names = append(d.names, name)
	return int16(len(d.names) - 1)
}

// InitLock is Init for a lock: locks of one name form a class whose order
// lockdep watches.
func (o *Object) InitLock(k *K, name string) {
	o.init(k, name)
	d := &k.m.lockdep
	o.class = d.class(name)
	for i, n := range k.m.claimed {
		if n == name {
			d.claim[o.class] = int8(i + 1)
		}
	}
}

// acquiring checks, before k may be blocked, that it may ask for o.
func (k *K) acquiring(o *Object) {
	m := k.m
	if m.aborting || o.class == 0 {
		return
	}
	d := &m.lockdep
	for _, h := range k.held {
		switch {
		case h.o == o || h.o.class == o.class:
			k.Fail(&Violation{Kind: Recursive, Subject: o.name, asked: o, holding: h})
		case d.claim[o.class] != 0 && d.claim[o.class] < d.claim[h.o.class]:
			k.Fail(&Violation{Kind: ClaimedOrder, Subject: o.name + " asked for under " + h.o.name})
		case d.after[h.o.class]&(1<<o.class) != 0:
			continue
		}
		if d.reaches(o.class, h.o.class) {
			k.Fail(&Violation{Kind: LockOrder, Subject: o.name + " asked for under " + h.o.name, last: &edge{from: h.o.class, to: o.class}, asked: o, holding: h})
		}
		d.after[h.o.class] |= 1 << o.class
		if m.recording {
			d.edges = append(d.edges, edge{h.o.class, o.class, k, callers()})
		}
	}
}

// reaches says whether b is taken, directly or through others, after a.
func (d *lockdep) reaches(a, b int16) bool {
	seen, todo := uint64(0), uint64(1)<<a
	for todo != 0 {
		for c := range maxClasses {
			if todo&(1<<c) != 0 {
				todo &^= 1 << c
				seen |= 1 << c
				todo |= d.after[c] &^ seen
			}
		}
		if seen&(1<<b) != 0 {
			return true
		}
	}
	return false
}

// path is the chain of known edges from a to b, shortest first found.
func (d *lockdep) path(a, b int16) []edge {
	type way struct {
		to   int16
		path []edge
	}
	seen := uint64(1) << a
	for todo := []way{{to: a}}; len(todo) > 0; todo = todo[1:] {
		w := todo[0]
		if w.to == b {
			return w.path
		}
		for _, e := range d.edges {
			if e.from == w.to && seen&(1<<e.to) == 0 {
				seen |= 1 << e.to
				todo = append(todo, way{e.to, append(w.path[:len(w.path):len(w.path)], e)})
			}
		}
	}
	return nil
}

// acquired enters o into the locks that k holds.
func (k *K) acquired(o *Object, read bool) {
	k.used(o, read)
	h := held{o: o, read: read}
	if k.m.recording && len(k.at) > 0 {
		h.where = k.at[0]
	}
	k.held = append(k.held, h)
}

// used notes in which context a lock is taken. It fails if interrupts take a class
// of spinlocks that is also taken with interrupts on: the interrupt could come on
// the CPU that holds it.
func (k *K) used(o *Object, read bool) {
	if o.class == 0 || k.m.aborting {
		return
	}
	if k.ctx == NMI {
		return // only spinning for it is wrong
	}
	var now usage
	switch k.ctx {
	case HardIRQ:
		now = inHardIRQ
	case SoftIRQ:
		now = inSoftIRQ
	}
	if k.irqOff == 0 && k.ctx != HardIRQ {
		now |= hardIRQOn
		if k.bhOff == 0 && k.ctx == Task {
			now |= softIRQOn
		}
	}
	if read {
		now <<= 4
	}
	k.uses(o, now|initialUse)
}

// usedInNMI is used for a lock that a non-maskable interrupt spins for: whatever
// else takes it, the interrupt could come on the CPU that holds it.
func (k *K) usedInNMI(o *Object) {
	if k.ctx == NMI && o.class != 0 && !k.m.aborting {
		k.uses(o, inNMI)
	}
}

func (k *K) uses(o *Object, now usage) {
	d := &k.m.lockdep
	u := &d.usage[o.class]
	if k.m.recording {
		for bit := usage(1); bit != 0; bit <<= 1 {
			if now&bit != 0 && *u&bit == 0 {
				d.first[usedAs{o.class, bit}] = callers()
			}
		}
	}
	*u |= now
	if u.inconsistent(inHardIRQ, hardIRQOn) || u.inconsistent(inSoftIRQ, softIRQOn) || *u&inNMI != 0 && *u&initialUse != 0 {
		k.Fail(&Violation{Kind: IRQUnsafe, Subject: o.name, asked: o})
	}
}

// releasing takes o from the locks that k holds, and fails if it is not there
// or is held the other way.
func (k *K) releasing(o *Object, read bool) {
	for i := len(k.held) - 1; i >= 0; i-- {
		if k.held[i].o == o && k.held[i].read == read {
			k.held = append(k.held[:i], k.held[i+1:]...)
			return
		}
	}
	k.Fail(&Violation{Kind: BadUnlock, Subject: o.name})
}

// AssertHeld is lockdep_assert_held(): it fails if k does not hold the lock.
func (k *K) AssertHeld(l Lock) {
	o := l.object()
	for _, h := range k.held {
		if h.o == o {
			return
		}
	}
	if !k.m.aborting && !k.setup {
		k.Fail(&Violation{Kind: NotHeld, Subject: o.name})
	}
}

// Lock is any lock that lockdep knows.
type Lock interface{ object() *Object }
