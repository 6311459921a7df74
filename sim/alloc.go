package sim

// GFP says how an allocation may go about finding memory.
type GFP uint8

const (
	// GFPKernel may sleep.
	GFPKernel GFP = iota
	// GFPAtomic never sleeps, and fails sooner.
	GFPAtomic
)

// Life is the life of one allocation, embedded in the object that was
// allocated. Locks and words that lie in it are told so with [Object.In], which
// makes every use of them a use of the allocation.
type Life struct {
	o      Object
	state  lifeState
	where  []Frame // of the allocation, when recording
	freed  []Frame
	by     *K
	freeBy *K
	// deferred are the timers and work items that lie in it.
	deferred []*deferred
	module   *Module // that it is the memory of
}

type lifeState uint8

const (
	unborn lifeState = iota
	allocated
	released
)

var opKfree = NewOp("kfree(%s)")

// Kzalloc is kzalloc(): it begins the life of an object called name, and
// returns ENOMEM if the strategy says so (see Machine.AllocMayFail). With
// GFPKernel it might sleep.
func (k *K) Kzalloc(l *Life, name string, gfp GFP) error {
	if gfp == GFPKernel {
		k.MightSleep(name)
	}
	if k.m.AllocMayFail && k.Choose(2, "kzalloc of "+name) != 0 {
		return ENOMEM
	}
	k.Born(l, name)
	return nil
}

// Born begins the life of an object that comes from elsewhere than kmalloc: a
// slab cache of its own, the page allocator, the setup of a scenario.
func (k *K) Born(l *Life, name string) {
	*l = Life{state: allocated, by: k}
	l.o.init(k, name)
	k.orderedBy(&l.o, asPlain)
	l.o.content = l
	if !k.m.Forgetful {
		k.m.lives = append(k.m.lives, l)
	}
	if k.m.recording {
		l.where = callers()
	}
}

func (l *Life) content(Mode) uint64 { return uint64(l.state) }

// Kfree is kfree(): a step that ends the life of an object. For nil it does
// nothing.
func (k *K) Kfree(l *Life) {
	if l == nil {
		return
	}
	k.Step(opKfree, &l.o, Write)
	k.end(l)
}

// Release ends the life of an object within the step that is being taken, as
// when the last reference to it is dropped.
func (k *K) Release(l *Life) {
	k.Touch(&l.o, Write)
	k.end(l)
}

func (k *K) end(l *Life) {
	if l.state == released {
		k.Fail(&Violation{Kind: DoubleFree, Subject: l.o.name, life: l})
	}
	for _, d := range l.deferred {
		if d.pending {
			k.active(d, "free")
		}
	}
	k.freeing(l)
	k.endsLife(l)
	l.state, l.freeBy = released, k
	if k.m.recording {
		l.freed = callers()
	}
}

// Use is a step that looks into the object through a pointer, such as the load
// of a method from a table. It fails if the object has been freed.
func (k *K) Use(op Op, l *Life) {
	k.Step(op, &l.o, Read)
	l.MustBeAlive(k, l.o.name, Read)
}

// Alive says whether the object is allocated, without touching it.
func (l *Life) Alive() bool { return l.state == allocated }

// MustBeAlive fails with a use after free if the object has been freed. What is
// the part of the object that is used, mode how it is. It is not an access.
func (l *Life) MustBeAlive(k *K, what string, mode Mode) {
	l.mustBeAlive(k, what, mode)
	if k.m.weak != nil && !k.setup && !k.m.aborting {
		k.usesAllocation(l, what, mode)
	}
}

// mustBeAlive is MustBeAlive for what is to be a use only.
func (l *Life) mustBeAlive(k *K, what string, mode Mode) {
	switch l.state {
	case unborn:
		k.Fail(&Violation{Kind: NotInitialised, Subject: what + " lies in an object that was never allocated"})
	case released:
		if k.m.weak != nil && !k.setup {
			return // see usesLife
		}
		if l.module != nil {
			k.Fail(l.module.unloaded(k, what, mode))
		}
		k.Fail(&Violation{Kind: UseAfterFree, Subject: what, life: l, mode: mode})
	}
}

// leaks fails the execution if something is still allocated at its end.
func (m *Machine) leaks() {
	for _, l := range m.lives {
		if l.state == allocated && !l.by.setup {
			v := &Violation{Kind: Leak, Subject: l.o.name, life: l}
			v.Key = mix(Leak.hash(), hashString(l.o.name))
			m.outcome.Violation = v
			if m.recording {
				m.report(l.by, v, l.where)
			}
			return
		}
	}
}
