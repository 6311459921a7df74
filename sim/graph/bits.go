package graph

import "math/bits"

// row is a set of events.
type row []uint64

func (s row) has(e int) bool { return s[e>>6]>>(e&63)&1 != 0 }

func (s row) add(e int) { s[e>>6] |= 1 << (e & 63) }

func (s row) remove(e int) { s[e>>6] &^= 1 << (e & 63) }

func (s row) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

// or adds a set to s.
func (s row) or(t row) {
	for i, w := range t {
		s[i] |= w
	}
}

// orAnd adds those of t that are in u.
func (s row) orAnd(t, u row) {
	for i, w := range t {
		s[i] |= w & u[i]
	}
}

// orNot adds those of t that are not in u.
func (s row) orNot(t, u row) {
	for i, w := range t {
		s[i] |= w &^ u[i]
	}
}

// and leaves those that are in t.
func (s row) and(t row) {
	for i := range s {
		s[i] &= t[i]
	}
}

// below leaves the events with numbers under n.
func (s row) below(n int32) {
	w := int(n >> 6)
	for i := w + 1; i < len(s); i++ {
		s[i] = 0
	}
	if w < len(s) {
		s[w] &= 1<<(n&63) - 1
	}
}

// next is the first event of s from e on, or -1.
func (s row) next(e int) int {
	i := e >> 6
	if i >= len(s) {
		return -1
	}
	w := s[i] >> (e & 63) << (e & 63)
	for w == 0 {
		if i++; i == len(s) {
			return -1
		}
		w = s[i]
	}
	return i<<6 + bits.TrailingZeros64(w)
}

// relation holds for each event the set of those before it: the row of b has a if
// (a, b) is in the relation.
type relation struct {
	width int // words of a row
	bits  []uint64
}

func (r *relation) at(e int) row {
	i := e * r.width
	return r.bits[i : i+r.width : i+r.width]
}

// size makes room for so many events, all of them in none.
func (r *relation) size(n, width int) {
	r.width = width
	if need := n * width; cap(r.bits) < need {
		r.bits = make([]uint64, need, 2*need)
	} else {
		r.bits = r.bits[:need]
		clear(r.bits)
	}
}

// through adds to d all that r has before one of s: if s is the row of b in q, that
// is the row of b in r ; q.
func (r *relation) through(d, s row) {
	for i, w := range s {
		for w != 0 {
			e := i<<6 + bits.TrailingZeros64(w)
			w &= w - 1
			d.or(r.at(e))
		}
	}
}

// closure makes r transitive, and reports whether it is acyclic.
func (r *relation) closure(n int) bool {
	for k := range n {
		from := r.at(k)
		if from.empty() {
			continue
		}
		word, bit := k>>6, uint64(1)<<(k&63)
		for i := range n {
			if at := i*r.width + word; r.bits[at]&bit != 0 {
				r.at(i).or(from)
			}
		}
	}
	for e := range n {
		if r.at(e).has(e) {
			return false
		}
	}
	return true
}

// reflexive adds the identity.
func (r *relation) reflexive(n int) {
	for e := range n {
		r.at(e).add(e)
	}
}

// copyFrom makes r the same as q.
func (r *relation) copyFrom(q *relation) { copy(r.bits, q.bits) }
