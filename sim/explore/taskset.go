package explore

import (
	"math/bits"

	"trapline/sim"
)

// taskSet is a set of tasks, with a bit for each.
type taskSet []uint64

func (s taskSet) has(t sim.TaskID) bool { return s[t/64]>>(t%64)&1 != 0 }

func (s taskSet) add(t sim.TaskID) { s[t/64] |= 1 << (t % 64) }

func (s taskSet) remove(t sim.TaskID) { s[t/64] &^= 1 << (t % 64) }

func (s taskSet) meets(other taskSet) bool {
	for i, w := range other {
		if s[i]&w != 0 {
			return true
		}
	}
	return false
}

func (s taskSet) size() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}
