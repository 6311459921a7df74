package explore

import (
	"sync"

	"trapline/sim"
)

// footprint stands for what a step uses: objects, and how. There are few of them
// beside the steps that have them, so each is kept once, for all workers of a
// search, and a step only carries its number. The number 0 is the step that uses
// nothing.
type footprint int32

// meaning is the meaning of a footprint.
type meaning struct {
	uses []touch
	// any has a bit for each object, and changed for those that are not only
	// read: most pairs of steps are told apart by these.
	any, changed uint64
	hash         uint64
}

type touch struct {
	obj  sim.ObjID
	mode sim.Mode
}

func (t touch) fold(h uint64) uint64 { return fold(h, uint64(t.obj)<<8|uint64(t.mode)) }

// footprints keeps the footprints of a search.
type footprints struct {
	mu     sync.Mutex
	prints []meaning
	index  map[uint64][]footprint // by hash
}

func newFootprints() *footprints {
	return &footprints{prints: make([]meaning, 1), index: map[uint64][]footprint{}}
}

// feet is what one worker knows of the footprints, so that it seldom has to ask.
type feet struct {
	all    *footprints
	prints []meaning
	recent [256]footprint // by hash
}

// of is the footprint of some accesses.
func (f *feet) of(uses []use) footprint {
	if len(uses) == 0 {
		return 0
	}
	h := uint64(0)
	for i := range uses {
		h = touch{uses[i].Obj, uses[i].Mode}.fold(h)
	}
	recent := &f.recent[h%uint64(len(f.recent))]
	if id := *recent; id != 0 && f.prints[id].is(h, uses) {
		return id
	}
	*recent = f.all.of(h, uses)
	f.catchUp(*recent)
	return *recent
}

// catchUp learns of the footprints up to id, which another worker may have made.
func (f *feet) catchUp(id footprint) {
	if int(id) >= len(f.prints) {
		f.all.mu.Lock()
		f.prints = f.all.prints
		f.all.mu.Unlock()
	}
}

func (p *meaning) is(hash uint64, uses []use) bool {
	if p.hash != hash || len(p.uses) != len(uses) {
		return false
	}
	for i, t := range p.uses {
		if t.obj != uses[i].Obj || t.mode != uses[i].Mode {
			return false
		}
	}
	return true
}

func (s *footprints) of(hash uint64, uses []use) footprint {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.index[hash] {
		if s.prints[id].is(hash, uses) {
			return id
		}
	}
	touches := make([]touch, len(uses))
	for i, u := range uses {
		touches[i] = touch{u.Obj, u.Mode}
	}
	return s.add(touches)
}

// add makes the footprint of what is used, which is a new one.
func (s *footprints) add(uses []touch) footprint {
	p := meaning{uses: uses}
	for _, u := range uses {
		p.hash = u.fold(p.hash)
		bit := uint64(1) << (u.obj % 64)
		p.any |= bit
		if u.mode != sim.Read {
			p.changed |= bit
		}
	}
	hash := p.hash
	id := footprint(len(s.prints))
	s.prints = append(s.prints, p)
	s.index[hash] = append(s.index[hash], id)
	return id
}

// conflict says whether the order of two steps with these footprints matters.
func (f *feet) conflict(a, b footprint) bool {
	f.catchUp(max(a, b))
	p, q := &f.prints[a], &f.prints[b]
	if p.any&q.changed|p.changed&q.any == 0 {
		return false
	}
	for _, t := range p.uses {
		for _, u := range q.uses {
			if t.obj == u.obj && t.mode.Conflicts(u.mode) {
				return true
			}
		}
	}
	return false
}

// conflict says whether the order of two steps with these accesses matters.
func conflict(a, b []sim.Access) bool {
	for i := range a {
		for j := range b {
			if a[i].Obj == b[j].Obj && a[i].Mode.Conflicts(b[j].Mode) {
				return true
			}
		}
	}
	return false
}
