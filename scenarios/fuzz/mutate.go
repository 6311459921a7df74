package fuzz

import (
	"math/rand/v2"
	"slices"

	"trapline/scenarios/lifecycle"
)

// picker has the chance of a generator decide what is drawn.
func picker(r *rand.Rand) func(string, int) int {
	return func(_ string, n int) int { return r.IntN(n) }
}

// mutate is a case that differs from c in a few places; it may have taken a task of
// other.
func mutate(r *rand.Rand, c, other *lifecycle.Case) *lifecycle.Case {
	c = c.Clone()
	for range 1 + r.IntN(3) {
		mutateOnce(r, c, other)
	}
	return c
}

func mutateOnce(r *rand.Rand, c, other *lifecycle.Case) {
	l := c.Language
	task := &c.Tasks[r.IntN(len(c.Tasks))]
	switch r.IntN(7) {
	case 0:
		i := r.IntN(len(l.Knobs))
		c.Knobs[i] = r.IntN(l.Knobs[i].Values)
	case 1:
		if len(c.Tasks) < l.Tasks {
			c.Tasks = append(c.Tasks, slices.Clone(other.Tasks[r.IntN(len(other.Tasks))]))
		}
	case 2:
		*task = slices.Clone(other.Tasks[r.IntN(len(other.Tasks))])
	case 3:
		if n := len(*task); n > 1 {
			i := r.IntN(n)
			*task = slices.Delete(*task, i, i+1)
		}
	case 4:
		if n := len(*task); n > 1 {
			i := r.IntN(n - 1)
			(*task)[i], (*task)[i+1] = (*task)[i+1], (*task)[i]
		}
	default:
		o := l.DrawOperation(picker(r))
		if i := r.IntN(len(*task) + 1); len(*task) < l.Operations {
			*task = slices.Insert(*task, i, o)
		} else {
			(*task)[i%len(*task)] = o
		}
	}
}

// reschedule changes the schedule of the case, whose executions have about so many
// steps: most often in one place.
func reschedule(r *rand.Rand, c *lifecycle.Case, steps int) {
	apart := max(steps/(1+r.IntN(4)), 2)
	n := len(c.Schedule)
	if n == 0 || r.IntN(3) == 0 {
		c.DrawSchedule(picker(r), apart)
		return
	}
	i := r.IntN(n)
	switch r.IntN(4) {
	case 0:
		c.Schedule = slices.Delete(c.Schedule, i, i+1)
	case 1:
		c.Schedule = slices.Insert(c.Schedule, i, lifecycle.Preemption{After: r.IntN(apart), To: 1 + r.IntN(3)})
	case 2:
		c.Schedule[i].After = max(c.Schedule[i].After+r.IntN(9)-4, 0)
	default:
		c.Schedule[i] = lifecycle.Preemption{After: r.IntN(apart), To: 1 + r.IntN(3)}
	}
}
