package litmus

// guesses are the numbers that the registers of a test may have by way of an if, as in
// "r = 1; if (x == 0) r = 0;": the if hides from the model that r has the value of x,
// and a value may go round in a circle that way though it comes from nowhere. herd7
// finds such executions. A test in which no arm of an if sets a register to a number
// has no guesses.
func (t *Test) guesses() []int64 {
	g := guesser{}
	for _, p := range t.processes {
		g.stmt(p.body, false)
	}
	if !g.hidden {
		return nil
	}
	return g.numbers
}

type guesser struct {
	numbers []int64
	hidden  bool // an if sets a register to a number
}

func (g *guesser) stmt(s stmt, inIf bool) {
	switch s := s.(type) {
	case *block:
		for _, s := range s.list {
			g.stmt(s, inIf)
		}
	case *choice:
		g.stmt(s.then, true)
		g.stmt(s.alt, true)
	case *loop:
		g.stmt(s.body, true)
	case *assign:
		if c, ok := s.value.(*constant); ok {
			g.numbers = append(g.numbers, c.value)
			g.hidden = g.hidden || inIf
		}
	}
}
