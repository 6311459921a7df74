package sim

// Data watches plain data: memory that tasks access without marking, because a
// lock or another protocol keeps them apart. Accesses are not steps; they are
// checked instead. Two that may be concurrent, one of them a write, are a data
// race, whatever the schedule did with them. That check is what allows the
// explorer to order only the steps. Containers embed a Data and report to it.
type Data struct {
	name  string
	life  *Life
	write access
	reads []access
}

// access is an access of the past: who, in which epoch of theirs, and where.
type access struct {
	k     *K
	epoch uint32
	at    []Frame
}

// Init names the data.
func (d *Data) Init(name string) { *d = Data{name: name} }

// In places the data inside an allocation.
func (d *Data) In(life *Life) { d.life = life }

// Read reports that k reads the data.
func (d *Data) Read(k *K) {
	if k.setup || k.m.aborting {
		return
	}
	d.use(k)
	d.check(k, d.write)
	for i := range d.reads {
		if d.reads[i].k == k {
			d.reads[i] = k.access()
			return
		}
	}
	d.reads = append(d.reads, k.access())
}

// Write reports that k changes the data.
func (d *Data) Write(k *K) {
	if k.setup || k.m.aborting {
		return
	}
	d.use(k)
	d.check(k, d.write)
	for _, r := range d.reads {
		d.check(k, r)
	}
	d.reads = d.reads[:0]
	d.write = k.access()
}

// use fails if the data lies in a freed object. The access becomes a part of the
// step being taken as far as freeing the object is concerned, which is a step.
func (d *Data) use(k *K) {
	if d.life == nil {
		return
	}
	k.m.enter(&d.life.o, Read, 0)
	if d.life.state != allocated {
		d.life.useAfterFree(k, d.name)
	}
}

// check fails if the access a of the past may be concurrent with one of k now.
func (d *Data) check(k *K, a access) {
	if a.k != nil && a.k != k && k.clock.at(a.k.id) < a.epoch {
		k.Fail(&Violation{Kind: DataRace, Subject: d.name, other: &a})
	}
}

func (k *K) access() access {
	a := access{k: k, epoch: k.clock.at(k.id)}
	if k.m.recording {
		a.at = callers()
	}
	return a
}

// Cell is one plain variable that reports its accesses.
type Cell[T any] struct {
	Data
	v T
}

// Get reads the cell.
func (c *Cell[T]) Get(k *K) T {
	c.Read(k)
	return c.v
}

// Set changes the cell.
func (c *Cell[T]) Set(k *K, v T) {
	c.Write(k)
	c.v = v
}

// Peek is the value of the cell, for checks when everything is quiet: it is not
// an access.
func (c *Cell[T]) Peek() T { return c.v }
