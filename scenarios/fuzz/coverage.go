package fuzz

import "trapline/sim"

// coverage is the set of interleavings seen so far, each as a pair of conflicting steps
// of two tasks, one after the other, on the same object: which calls they are, and which
// object of its kind it is. A schedule that has a pair in the other order shows
// something new.
type coverage struct {
	seen map[uint64]bool
	last []use // by object: who used it last
}

// use is how an object was used.
type use struct {
	task sim.TaskID // 0 for nobody
	op   sim.Op
	mode sim.Mode
}

// add takes in the last execution of a machine and returns how many pairs were new.
func (c *coverage) add(m *sim.Machine) (fresh int) {
	if c.seen == nil {
		c.seen = map[uint64]bool{}
	}
	clear(c.last)
	for len(c.last) < m.Objects() {
		c.last = append(c.last, use{})
	}
	events := m.Events()
	for i := range events {
		e := &events[i]
		for _, a := range m.Accesses(e) {
			last := &c.last[a.Obj]
			if last.task != 0 && last.task != e.Task && last.mode.Conflicts(a.Mode) {
				pair := uint64(last.op)<<48 | uint64(e.Op)<<32 | uint64(uint32(a.Obj))
				if !c.seen[pair] {
					c.seen[pair] = true
					fresh++
				}
			}
			last.task, last.op, last.mode = e.Task, e.Op, a.Mode
		}
	}
	return fresh
}
