package sim

import "reflect"

// Data watches plain data: memory that tasks access without marking, because a
// lock or another protocol keeps them apart. Accesses are not steps. They belong
// to the step in which they are made, for the explorer to know what depends on
// what, and they are checked: two that may be concurrent, one of them a write, are
// a data race, whatever the schedule did with them. Containers embed a Data and
// report to it.
type Data struct {
	o     Object
	write access
	reads []access
}

// access is an access of the past: who, in which epoch of theirs, and where.
type access struct {
	k     *K
	mode  Mode
	how   how
	epoch uint32
	site  uint64 // when keeping up with states
	at    []Frame
}

// how is what there is to say of an access beside its mode.
type how uint8

const (
	compound how = 1 << iota // what is written depends on what was there
	marked                   // atomic: no race with another that is marked
)

// Init names the data. It is to be called by the task that makes it, before
// anything uses it.
func (d *Data) Init(k *K, name string) {
	*d = Data{}
	d.o.init(k, name)
	k.orderedBy(&d.o, asPlain)
	if k.m.States {
		k.m.tracking.data = append(k.m.tracking.data, d)
	}
}

// In places the data inside an allocation.
func (d *Data) In(life *Life) { d.o.In(life) }

// Read reports that k reads the data.
func (d *Data) Read(k *K) {
	if k.setup || k.m.aborting {
		return
	}
	if k.m.weak != nil {
		k.plainly(d, Read, 0)
		return
	}
	d.use(k, Read)
	d.check(k, Read, 0, d.write)
	for i := range d.reads {
		if d.reads[i].k == k {
			d.reads[i] = k.access(Read)
			return
		}
	}
	d.reads = append(d.reads, k.access(Read))
}

// Write reports that k changes the data.
func (d *Data) Write(k *K) { d.change(k, 0) }

func (d *Data) change(k *K, how how) {
	if k.setup || k.m.aborting {
		return
	}
	if k.m.weak != nil {
		k.plainly(d, Write, how)
		return
	}
	d.use(k, Write)
	k.lookStep = -1 // what went before is no loop that changes nothing
	d.check(k, Write, how, d.write)
	for _, r := range d.reads {
		d.check(k, Write, how, r)
	}
	d.reads = d.reads[:0]
	d.write = k.access(Write)
	d.write.how = how
}

// mostPlain is how many accesses of plain data a task may make in one step. One
// that makes more waits for what no other task can do before it takes a step.
const mostPlain = 1 << 20

// use makes the access a part of the step being taken.
func (d *Data) use(k *K, mode Mode) {
	if k.plain++; k.plain > mostPlain {
		k.Fail(&Violation{Kind: Livelock, Subject: d.o.name + " is accessed for ever without a step"})
	}
	if !k.m.uses(&d.o, mode) {
		k.m.enterPlain(&d.o, mode)
	} else {
		if mode != Read {
			k.m.busy(&d.o) // after a look at the same word
		}
		if k.m.States {
			k.m.finds(&d.o, mode)
		}
	}
	d.o.check(k, mode)
}

// check fails if the access a of the past may be concurrent with one of k now.
func (d *Data) check(k *K, mode Mode, how how, a access) {
	if a.k != nil && a.k != k && k.clock.at(a.k.id) < a.epoch {
		other := a // so that a is not on the heap when all is well
		k.Fail(&Violation{Kind: DataRace, Subject: d.o.name, other: &other, mode: mode, how: how, asked: &d.o})
	}
}

func (k *K) access(mode Mode) access {
	a := access{k: k, mode: mode, epoch: k.clock.at(k.id)}
	if k.m.recording {
		a.at = callers()
	}
	if k.m.States {
		a.site = callSite()
	}
	return a
}

// Cell is one plain variable that reports its accesses.
type Cell[T any] struct {
	Data
	v    T
	hist history[T]
}

// Init names the cell, which holds nothing yet. It is to be called by the task that
// makes it, before anything uses it.
func (c *Cell[T]) Init(k *K, name string) {
	var none T
	c.Data.Init(k, name)
	c.v = none
	c.hist.begin(none)
	if k.m.States && hasBits(reflect.TypeFor[T]()) {
		c.o.content = c
	}
}

func (c *Cell[T]) content(Mode) uint64 { return bits(any(c.v)) }

// Get reads the cell.
func (c *Cell[T]) Get(k *K) T {
	if k.m.weak != nil && !k.setup && !k.m.aborting {
		v := c.hist.value(k.plainly(&c.Data, Read, 0))
		if k.m.values {
			k.fold(bits(any(v)))
		}
		return v
	}
	c.Read(k)
	if k.m.values {
		k.fold(bits(any(c.v)))
	}
	return c.v
}

// Set changes the cell.
func (c *Cell[T]) Set(k *K, v T) {
	if k.m.weak != nil && !k.setup && !k.m.aborting {
		c.hist.enter(k, &c.o, k.plainly(&c.Data, Write, 0), v)
	} else {
		c.Write(k)
		c.hist.begin(v)
	}
	if k.m.values {
		k.fold(bits(any(v)))
	}
	c.v = v
}

// Peek is the value of the cell, for checks when everything is quiet: it is not
// an access.
func (c *Cell[T]) Peek() T { return c.v }
