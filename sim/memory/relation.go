package memory

import "math/bits"

// set is a set of events.
type set uint64

// relation holds for each event the set of those before it: r[b] has a if (a, b) is
// in the relation.
type relation [maxEvents]set

func one(e int) set { return 1 << e }

// low is the set of the first n events.
func low(n int) set {
	if n >= maxEvents {
		return ^set(0)
	}
	return 1<<n - 1
}

// take removes the first event from a set and returns it.
func (s *set) take() int {
	e := bits.TrailingZeros64(uint64(*s))
	*s &= *s - 1
	return e
}

func (s set) has(e int) bool { return s>>e&1 != 0 }

// before is the set of all events that r has before one of s: if s is q[b], this
// is (r ; q)[b].
func (r *relation) before(s set) set {
	var all set
	for s != 0 {
		all |= r[s.take()]
	}
	return all
}

// closure makes r transitive on the events of s, and reports whether it is acyclic.
func (r *relation) closure(s set) bool {
	for m := s; m != 0; {
		k := m.take()
		row := r[k]
		if row == 0 {
			continue
		}
		for rest := s; rest != 0; {
			if i := rest.take(); r[i].has(k) {
				r[i] |= row
			}
		}
	}
	for m := s; m != 0; {
		if e := m.take(); r[e].has(e) {
			return false
		}
	}
	return true
}

// reflexive adds the identity on the events of s.
func (r *relation) reflexive(s set) {
	for s != 0 {
		e := s.take()
		r[e] |= one(e)
	}
}

// reaches reports whether a chain of r leads from e back to e.
func (r *relation) reaches(e int) bool {
	seen := r[e]
	for todo := seen; todo != 0; {
		if seen.has(e) {
			return true
		}
		more := r[todo.take()] &^ seen
		seen |= more
		todo |= more
	}
	return seen.has(e)
}
