package sim

// IRQOrder is a lock that interrupts take, and under which another is taken,
// directly or through others, whose holder they can stop: the interrupt then waits
// for somebody who waits for whom it has stopped.
var IRQOrder = Kind{"irq-lock-order", "possible deadlock"}

// irqUsage is what lockdep knows of the contexts in which locks are taken.
type irqUsage struct {
	usage []usage // by class
	taken usage   // in what interrupts any class is taken
	// first is where a class was first used so, when recording.
	first map[usedAs][]Frame
}

// usedAs is one way in which the locks of a class were used.
type usedAs struct {
	class int16
	how   usage
}

// usage says in which contexts the locks of a class were taken: for writers, and
// byReader bits higher for readers.
type usage uint16

const (
	inHardIRQ usage = 1 << iota
	hardIRQOn
	inSoftIRQ
	softIRQOn

	inNMI      usage = 1 << 8
	initialUse usage = 1 << 9

	byReader = 4 // the shift to the bits of readers
	inIRQ    = (inHardIRQ | inSoftIRQ) * (1<<byReader + 1)
)

// irqKind is one of the two kinds of interrupt, with what lockdep calls it.
type irqKind struct {
	name   string
	in, on usage
}

var irqKinds = [...]irqKind{{"HARDIRQ", inHardIRQ, hardIRQOn}, {"SOFTIRQ", inSoftIRQ, softIRQOn}}

// nmi is what comes wherever it wants to: whatever it spins for must be taken nowhere
// else.
var nmi = irqKind{"NMI", inNMI, initialUse}

// any says whether u has a bit for writers or for readers.
func (u usage) any(bit usage) bool { return (u|u>>byReader)&bit != 0 }

// inconsistent says whether the locks are taken both in an interrupt and where it
// can come, other than by readers only.
func (u usage) inconsistent(q irqKind) bool {
	return u&q.in != 0 && u.any(q.on) || u&q.on != 0 && u.any(q.in)
}

// String is the usage as lockdep prints it: a character each for writers in
// hardirqs, readers in hardirqs, writers in softirqs, readers in softirqs.
func (u usage) String() string {
	c := func(in, on usage) byte { return ".-+?"[flag(u&in != 0)+2*flag(u&on != 0)] }
	return string([]byte{
		c(inHardIRQ, hardIRQOn), c(inHardIRQ<<byReader, hardIRQOn<<byReader),
		c(inSoftIRQ, softIRQOn), c(inSoftIRQ<<byReader, softIRQOn<<byReader),
	})
}

func (q *irqUsage) reset() {
	clear(q.usage)
	clear(q.first)
	q.taken = 0
}

// grow makes room for n classes.
func (q *irqUsage) grow(n int) {
	for len(q.usage) < n {
		q.usage = append(q.usage, 0)
	}
}

// context is where k is, as bits for writers. Who only tries a lock is not stopped
// by whom it interrupts, so for that it does not matter to be in an interrupt.
func (k *K) context(waits bool) usage {
	if k.ctx == NMI {
		if waits {
			return inNMI
		}
		return 0
	}
	now := initialUse
	if waits {
		switch k.ctx {
		case HardIRQ:
			now = inHardIRQ
		case SoftIRQ:
			now = inSoftIRQ
		}
	}
	if !k.IRQsDisabled() {
		now |= hardIRQOn
		if k.bhOff == 0 && k.ctx == Task {
			now |= softIRQOn
		}
	}
	return now
}

// mark notes in which context a lock is taken. It fails if interrupts take a class
// that is also taken where they can come: the interrupt could come on the CPU that
// holds it. Likewise for two classes, if one is taken under the other.
func (k *K) mark(o *Object, class int16, how taking, now usage) {
	if class == 0 || k.m.aborting {
		return
	}
	if how != exclusive {
		now <<= byReader
	}
	q := &k.m.lockdep.irq
	u := &q.usage[class]
	if now&^*u == 0 {
		return
	}
	if k.m.recording {
		if q.first == nil {
			q.first = map[usedAs][]Frame{}
		}
		for bit := usage(1); bit != 0; bit <<= 1 {
			if now&bit&^*u != 0 {
				q.first[usedAs{class, bit}] = callers()
			}
		}
	}
	*u |= now
	q.taken |= now & inIRQ
	if u.inconsistent(nmi) {
		k.failInconsistent(o, class, nmi, now)
	}
	if q.taken == 0 {
		return // there are no interrupts that take locks
	}
	for _, kind := range irqKinds {
		if u.inconsistent(kind) {
			k.failInconsistent(o, class, kind, now)
		}
	}
	if i := k.inversion(); i.kind != 0 {
		k.failInversion(&Violation{asked: o, askedAs: class}, i, nil)
	}
}

// The failures have functions of their own, so that what the reports need is
// allocated only there.

func (k *K) failInconsistent(o *Object, class int16, kind irqKind, now usage) {
	v := &Violation{Kind: IRQUnsafe, Subject: k.m.lockdep.names[class], asked: o, askedAs: class}
	v.write = func(r *splat) { r.inconsistent(kind, now) }
	k.Fail(v)
}

// failInversion fails with what v says already: because of the edge last, or of a
// change of what the class that was asked for is used in.
func (k *K) failInversion(v *Violation, i inversion, last *edge) {
	names := k.m.lockdep.names
	v.Kind, v.Subject = IRQOrder, names[i.safe]+" to "+names[i.unsafe]
	v.write = func(r *splat) {
		if last != nil {
			r.irqOrder(i, *last)
		} else {
			r.inversion(i, v.askedAs == i.safe)
		}
	}
	k.Fail(v)
}

// canCome marks the locks that k holds, after it has let interrupts come again.
func (k *K) canCome() {
	if len(k.held) > 0 {
		now := k.context(false)
		for i := range k.held {
			k.mark(k.held[i].o, k.held[i].class, k.held[i].how, now)
		}
	}
}

// inversion is a lock order that an interrupt can turn round.
type inversion struct {
	kind         int // of irqKinds, from 1; 0 if there is no inversion
	safe, unsafe int16
}

// inversion finds a strong path from a class that interrupts take to one whose
// holder they can stop. What the interrupt asks for and what is held then make the
// edge that closes the cycle, so the ends of the path follow the rule for readers
// too. If there are several it finds the one with the first names, so that it does
// not depend on how the classes are numbered.
func (k *K) inversion() inversion {
	d := &k.m.lockdep
	q, g := &d.irq, &d.graph
	var found inversion
	for i, kind := range irqKinds {
		if !q.taken.any(kind.in) {
			continue
		}
		for c, u := range q.usage {
			if !u.any(kind.in) {
				continue
			}
			safe := int16(c)
			g.reach(arrival{safe, u&kind.in == 0})
			for c, u := range q.usage {
				unsafe := int16(c)
				bad := contains(g.seen[0], unsafe) && u.any(kind.on) || contains(g.seen[1], unsafe) && u&kind.on != 0
				if bad && (found.kind == 0 || found.kind == i+1 && d.before(safe, unsafe, found)) {
					found = inversion{i + 1, safe, unsafe}
				}
			}
		}
	}
	return found
}

// before says whether the names of two classes come before those of i.
func (d *lockdep) before(safe, unsafe int16, i inversion) bool {
	if safe != i.safe {
		return d.names[safe] < d.names[i.safe]
	}
	return d.names[unsafe] < d.names[i.unsafe]
}

// chain is the path of an inversion; it is known only when recording.
func (d *lockdep) chain(i inversion) []edge {
	kind, q := irqKinds[i.kind-1], &d.irq
	return d.graph.path(arrival{i.safe, q.usage[i.safe]&kind.in == 0}, func(a arrival) bool {
		return a.class == i.unsafe && (!a.reader || q.usage[a.class]&kind.on != 0)
	})
}
