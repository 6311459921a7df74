package explore

import "trapline/sim"

// pos is partial order sampling (Yuan, Yang and Gu, "Partial Order Aware
// Concurrency Sampling", CAV 2018). Every pending step has a random priority,
// and the highest one that is possible is taken. Then the pending steps that
// conflict with it draw new priorities. So a step with a low one is held back while
// other tasks go far, and a step that comes late in its task can come first: after
// eight others in one execution of ten, where a random walk has it in one of 512.
//
// Two steps conflict if they are declared to. Values of choices are drawn
// uniformly.
type pos struct {
	draw
	// priorities are those of the pending steps by TaskID, 0 if the step has
	// none yet.
	priorities []uint64
	uses       []sim.Access
}

func (s *pos) begin(i uint64) {
	s.start(i)
	clear(s.priorities)
}

// Restart draws the same execution again.
func (s *pos) Restart() { s.begin(s.index) }

// Choose takes the step with the highest priority.
func (s *pos) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return s.below(p.N)
	}
	for len(s.priorities) < m.Tasks() {
		s.priorities = append(s.priorities, 0)
	}
	if events := m.Events(); len(events) > 0 {
		last := &events[len(events)-1]
		s.priorities[last.Task] = 0 // its pending step is a new one
		if p.N > 1 {
			s.renew(m, p.Tasks, m.Accesses(last))
		}
	}
	if p.N == 1 {
		return 0
	}
	for _, t := range p.Tasks {
		if s.priorities[t] == 0 {
			s.priorities[t] = s.pcg.Uint64() | 1
		}
	}
	return highest(s.priorities, p.Tasks)
}

// renew takes the priorities of the steps that conflict with the one just taken.
// One that was blocked until now does, or it would be blocked still.
func (s *pos) renew(m *sim.Machine, tasks []sim.TaskID, taken []sim.Access) {
	for _, t := range tasks {
		if s.priorities[t] != 0 {
			s.uses = m.Pending(t, s.uses[:0])
			if conflict(s.uses, taken) {
				s.priorities[t] = 0
			}
		}
	}
}
