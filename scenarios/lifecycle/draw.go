package lifecycle

// Draw is a case that is drawn by pick, which returns a number below n. Small numbers
// make the plainer case.
func (l *Language) Draw(pick func(what string, n int) int) *Case {
	c := &Case{Program: Program{Language: l}}
	for _, k := range l.Knobs {
		c.Knobs = append(c.Knobs, pick(k.Name, k.Values))
	}
	for range 2 + pick("tasks", l.Tasks-1) {
		var t []Operation
		for range 1 + pick("operations", l.Operations) {
			t = append(t, l.DrawOperation(pick))
		}
		c.Tasks = append(c.Tasks, t)
	}
	c.DrawSchedule(pick, 40)
	return c
}

// DrawOperation is something for a task to do.
func (l *Language) DrawOperation(pick func(what string, n int) int) Operation {
	verb := pick("verb", len(l.Verbs))
	return Operation{verb, pick("place", l.Verbs[verb].Places)}
}

// mostDrawn is how many preemptions a drawn schedule has at most.
const mostDrawn = 8

// DrawSchedule gives the case another schedule, with fewer than apart steps from one
// preemption to the next.
func (c *Case) DrawSchedule(pick func(what string, n int) int, apart int) {
	c.Schedule = nil
	for range pick("preemptions", mostDrawn+1) {
		c.Schedule = append(c.Schedule, Preemption{pick("after", apart), 1 + pick("to", 3)})
	}
}
