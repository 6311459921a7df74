package explore

import (
	"iter"
	"math/bits"
	"slices"

	"trapline/sim"
)

// futures numbers the steps that a search of states remembers, and the sets of
// them. There are few steps, as most are taken in many states, and few sets.
type futures struct {
	steps   []future
	numbers map[uint64]int // by hash
	sets    []set
	index   map[uint64][]int32 // of sets, by hash
}

func newFutures() futures {
	return futures{numbers: map[uint64]int{}, index: map[uint64][]int32{}}
}

// number is the number of a step. Steps are told apart by 64 bits, as states are.
func (f *futures) number(s *future) int {
	h := fold(uint64(s.task)<<1, 0)
	if s.fatal {
		h++
	}
	for _, a := range s.uses {
		h = fold(h, uint64(a.Obj)<<32|uint64(a.Need)<<8|uint64(a.Mode))
	}
	for _, l := range s.locks {
		h = fold(h, ^uint64(l))
	}
	n, ok := f.numbers[h]
	if !ok {
		n = len(f.steps)
		f.numbers[h] = n
		f.steps = append(f.steps, future{s.task, slices.Clone(s.uses), slices.Clone(s.locks), s.fatal})
	}
	return n
}

// keep returns the number of a set.
func (f *futures) keep(s set) int32 {
	for len(s) > 0 && s[len(s)-1] == 0 {
		s = s[:len(s)-1]
	}
	h := uint64(0)
	for _, word := range s {
		h = fold(h, word)
	}
	for _, n := range f.index[h] {
		if slices.Equal(f.sets[n], s) {
			return n
		}
	}
	n := int32(len(f.sets))
	f.sets = append(f.sets, slices.Clone(s))
	f.index[h] = append(f.index[h], n)
	return n
}

// set is a set of steps by their numbers.
type set []uint64

func (s set) with(n int) set {
	for len(s) <= n/64 {
		s = append(s, 0)
	}
	s[n/64] |= 1 << (n % 64)
	return s
}

func (s set) union(t set) set {
	for len(s) < len(t) {
		s = append(s, 0)
	}
	for i, word := range t {
		s[i] |= word
	}
	return s
}

// all are the members of the set.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(64*i + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// union is a and what b has beside it.
func union(a, b []sim.ObjID) []sim.ObjID {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}
