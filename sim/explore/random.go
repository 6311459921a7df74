package explore

import (
	"cmp"
	"math/rand/v2"

	"trapline/sim"
)

// random draws executions: at every point each option is equally likely. The
// i-th execution of a seed is the same whatever the budget.
func (s *search) random() error {
	if _, timed := s.ctx.Deadline(); !timed {
		s.budget = cmp.Or(s.budget, DefaultRandom)
	}
	source := rand.NewPCG(0, 0)
	draw := rand.New(source)
	walk := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return draw.IntN(p.N) })
	for i := uint64(0); ; i++ {
		source.Seed(s.options.Seed, i)
		if ran, err := s.runners[0].execute(walk); err != nil || !ran {
			return err
		}
	}
}
