package lifecycle

import "slices"

// Smaller are the programs with one thing less: a task, an operation, something about
// the world. The largest steps come first.
func (p *Program) Smaller() []*Program {
	var all []*Program
	less := func(change func(q *Program)) {
		q := (&Case{Program: *p}).Clone().Program
		change(&q)
		all = append(all, &q)
	}
	for i := range p.Tasks {
		if len(p.Tasks) > 1 {
			less(func(q *Program) { q.Tasks = slices.Delete(q.Tasks, i, i+1) })
		}
	}
	for i := range p.Tasks {
		for j := range p.Tasks[i] {
			less(func(q *Program) { q.Tasks[i] = slices.Delete(q.Tasks[i], j, j+1) })
		}
	}
	for i, v := range p.Knobs {
		if v > 0 {
			less(func(q *Program) { q.Knobs[i] = 0 })
		}
		if v > 1 {
			less(func(q *Program) { q.Knobs[i]-- })
		}
	}
	return all
}
