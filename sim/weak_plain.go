package sim

import (
	"trapline/sim/graph"
	"trapline/sim/memory"
)

// plainly adds a plain access to data that tasks share, and returns the store that it
// reads, or its own. It reads the newest store that a grace period lets it read.
func (k *K) plainly(d *Data, mode Mode, how how) graph.Event {
	if k.plain++; k.plain > mostPlain {
		k.Fail(&Violation{Kind: Livelock, Subject: d.o.name + " is accessed for ever without a step"})
	}
	d.o.check(k, mode)
	k.usesLife(&d.o, mode)
	if mode != Read {
		k.lookStep = -1 // what went before is no loop that changes nothing
	}
	a := access{k: k, mode: mode, how: how}
	return k.plainEvent(&d.o, mode, plainAccess{data: d, what: d.o.name, a: a})
}

// plainEvent adds a plain access to a location. A task that does the same again before
// it does anything else adds nothing.
func (k *K) plainEvent(o *Object, mode Mode, p plainAccess) graph.Event {
	w, t := k.m.weak, k.thread()
	if mode == Read && t < len(w.acted) {
		for i := len(w.plains) - 1; i >= 0 && int(w.plains[i].event) >= w.acted[t]; i-- {
			if q := &w.plains[i]; q.a.k == k && q.a.mode == mode && q.data == p.data && q.life == p.life {
				return w.graph.From(q.event)
			}
		}
	}
	var from graph.Event
	if mode == Read {
		from = w.graph.Last(int(o.id))
		if w.graph.Confined(t) {
			from = w.ask(k, newestPlain, o, func() []graph.Event {
				return []graph.Event{w.graph.Newest(t, int(o.id), graph.Use{Access: memory.Plain})}
			})[0]
		}
		p.event = w.graph.Load(t, int(o.id), graph.Use{Access: memory.Plain}, from)
	} else {
		p.event = w.graph.Append(t, int(o.id), memory.Plain)
		from = p.event
		w.version++
		w.did(k)
	}
	w.remember(k, p)
	return from
}

// remember keeps an access that a race may concern.
func (w *weak) remember(k *K, p plainAccess) {
	if k.m.recording {
		p.a.at = callers()
	}
	w.plains = append(w.plains, p)
	for len(w.steps) < w.graph.Len() {
		w.steps = append(w.steps, int32(k.m.taken-1))
	}
}

// marks adds the marked access that the step just taken has made to a word that other
// code uses as plain data. It reads what is newest.
func (k *K) marks(x *mixed, mode Mode, how how) {
	w, t, o := k.m.weak, k.thread(), &x.o
	p := plainAccess{data: &x.Data, what: o.name, a: access{k: k, mode: mode, how: how | marked}}
	if mode == Read {
		use := graph.Use{Access: memory.Once}
		p.event = w.graph.Load(t, int(o.id), use, w.graph.Newest(t, int(o.id), use))
	} else {
		_, p.event = w.graph.RMW(t, int(o.id), graph.Use{RMW: true, Order: memory.Relaxed}, w.graph.Last(int(o.id)), true)
	}
	w.remember(k, p)
	w.changed(k)
}

// remembers keeps the last event of k, which accessed x with a mark.
func (k *K) remembers(x *mixed, mode Mode) {
	how := marked
	if mode != Read {
		how |= compound
	}
	w := k.m.weak
	w.remember(k, plainAccess{event: graph.Event(w.graph.Len() - 1), data: &x.Data, what: x.o.name, a: access{k: k, mode: mode, how: how}})
}

// usesLife adds the use of the allocation that o lies in. If that was freed it fails,
// unless a grace period keeps the end of the allocation from being before the use. What
// the setup has freed has no end in the graph.
func (k *K) usesLife(o *Object, mode Mode) {
	if k.m.weak == nil || o.life == nil || k.setup {
		return
	}
	k.usesAllocation(o.life, o.name, mode)
}

// usesAllocation adds the use of an allocation, which conflicts with its end.
func (k *K) usesAllocation(l *Life, what string, mode Mode) {
	if !k.m.uses(&l.o, Read) {
		k.m.enter(&l.o, Read, 0)
	}
	from := k.plainEvent(&l.o, Read, plainAccess{life: l, what: what, a: access{k: k, mode: mode}})
	if l.state == released && (from != graph.Initial || k.m.weak.graph.Last(int(l.o.id)) == graph.Initial) {
		if l.module != nil {
			k.Fail(l.module.unloaded(k, what, mode))
		}
		k.Fail(&Violation{Kind: UseAfterFree, Subject: what, life: l, mode: mode})
	}
}

// endsLife adds the end of an allocation.
func (k *K) endsLife(l *Life) {
	if w := k.m.weak; w != nil && !k.setup {
		k.plainEvent(&l.o, Write, plainAccess{life: l, what: l.o.name, a: access{k: k, mode: Write}})
	}
}

// judge looks for data races in an execution that has ended. It says whether there
// are any.
func (w *weak) judge(m *Machine) bool {
	found := false
	concern := func(a, b graph.Event) bool {
		p, q := w.plain(a), w.plain(b)
		return p != nil && q != nil && p.life == nil
	}
	w.graph.Races(concern, func(a, b graph.Event) bool {
		if !concern(a, b) {
			return true
		}
		p, q := w.plain(a), w.plain(b)
		if p.event > q.event {
			p, q = q, p
		}
		found = true
		w.fail(m, &Violation{Kind: DataRace, Subject: q.what, other: &p.a, mode: q.a.mode, how: q.a.how, asked: &q.data.o}, q)
		return false
	})
	return found
}

// plain is what is kept of an access, nil if a race does not concern it.
func (w *weak) plain(e graph.Event) *plainAccess {
	for i := range w.plains {
		p := &w.plains[i]
		if p.event == e || p.a.how&marked != 0 && p.a.mode != Read && p.event == e+1 {
			return p
		}
	}
	return nil
}

// fail makes v, for which the access p is to blame, the outcome.
func (w *weak) fail(m *Machine, v *Violation, p *plainAccess) {
	v.Key = mix(v.Kind.hash(), hashString(v.Subject))
	m.outcome.Violation = v
	if m.recording {
		m.report(p.a.k, v, p.a.at)
		r := p.a.k.line()
		r.Remark, r.Text = "violation", v.Title
		m.records = append(m.records, r)
		m.cure(p.a.k)
	}
}

// begins adds the beginning of a critical section, and returns what finishes wants.
func (w *weak) begins(k *K, c *crowd) int {
	id := w.graph.Begin(k.thread(), c.domain())
	w.changed(k)
	return id
}

// finishes adds its end.
func (w *weak) finishes(k *K, id int) {
	w.graph.End(k.thread(), id)
	w.changed(k)
}

// waits adds a grace period.
func (w *weak) waits(k *K, c *crowd) {
	w.graph.Wait(k.thread(), c.domain())
	w.changed(k)
}
