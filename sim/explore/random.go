package explore

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"

	"trapline/sim"
)

// sampler is a strategy that draws executions: which one depends on the seed, on
// the number of the execution and on the profile, and on nothing else, whatever
// the budget and however the executions are shared out.
type sampler interface {
	sim.Restarter
	// begin makes it draw the i-th execution.
	begin(i uint64)
}

// profiler is a sampler that has to know something about the program: the first
// executions of its sample are a uniform walk, and tell it.
type profiler interface {
	sampler
	// learn takes in an execution of the profile.
	learn(m *sim.Machine)
	// learnt ends the profile.
	learnt()
}

// profiled is the number of executions of a profile.
const profiled = 4

// Shard is a part of a search, of which there are Of. Of a sample it is the
// executions whose number, counted from 0, leaves Index when divided by Of: all
// shards of one seed and budget together draw what one search without shards
// does. Of an exhaustive search it is some of the interleavings, each of which is
// in one shard. [Merge] joins what they find. The zero value is the whole.
type Shard struct{ Index, Of int }

// String counts from 1.
func (s Shard) String() string {
	if s == (Shard{}) {
		return "the whole"
	}
	return fmt.Sprintf("shard %d of %d", s.Index+1, s.Of)
}

func (s Shard) check() error {
	if s != (Shard{}) && (s.Index < 0 || s.Index >= s.Of) {
		return fmt.Errorf("explore: there is no shard %d of %d (want 0 to %d)", s.Index, s.Of, s.Of-1)
	}
	return nil
}

// sampled says whether a strategy draws executions, so that it is never done.
func sampled(strategy string) bool { return slices.Contains(Samples(), strategy) }

// sample is the sequence of the executions that are drawn.
type sample struct {
	drawn   sampler
	profile profiler // is drawn, nil if that needs no profile
	first   walk     // draws the profile
}

func newSample(o *Options) *sample {
	d := draw{seed: o.Seed}
	s := &sample{first: walk{draw: d}}
	switch o.Strategy {
	case PCT:
		s.drawn = &pct{draw: d, depth: cmp.Or(o.Depth, DefaultDepth)}
	case POS:
		s.drawn = &pos{draw: d}
	case SURW:
		s.drawn = &surw{draw: d}
	default:
		s.drawn = &walk{draw: d}
	}
	s.profile, _ = s.drawn.(profiler)
	return s
}

// profiling says whether the i-th execution is one of the profile.
func (s *sample) profiling(i int) bool { return s.profile != nil && i < profiled }

// begin returns the strategy of the i-th execution.
func (s *sample) begin(i int) sim.Strategy {
	if s.profiling(i) {
		s.first.begin(uint64(i))
		return &s.first
	}
	s.drawn.begin(uint64(i))
	return s.drawn
}

// ended takes in the i-th execution, which m has run.
func (s *sample) ended(i int, m *sim.Machine) {
	if s.profiling(i) {
		s.profile.learn(m)
		if i == profiled-1 {
			s.profile.learnt()
		}
	}
}

// sample draws executions until the budget is spent. Every shard makes the whole
// profile, but counts only those of its executions that are its own.
func (s *search) sample() error {
	if _, timed := s.ctx.Deadline(); !timed {
		s.budget = cmp.Or(s.budget, DefaultRandom)
	}
	shard := s.options.Shard
	shard.Of = max(shard.Of, 1)
	if s.budget > 0 {
		if s.budget <= shard.Index {
			s.stop("the budget has nothing for this shard")
			return nil
		}
		s.budget = (s.budget - shard.Index + shard.Of - 1) / shard.Of
	}
	next := 0
	if s.resumed != nil {
		next, s.resumed = s.resumed.Next, nil
	}
	drawn := newSample(&s.options)
	if c, ok := drawn.drawn.(*pct); ok {
		defer func() {
			s.addAll()
			s.result.Chance = c.chance(s.result.Longest)
		}()
	}
	for i := 0; ; i++ {
		if i < next && !drawn.profiling(i) {
			i = next
		}
		if i >= next && i%shard.Of == shard.Index {
			at := func(c *checkpoint) { c.Next = i }
			if err := s.keepIfDue(at); err != nil {
				return err
			}
			ran, err := s.number(i, drawn.begin(i))
			if err == nil && !ran {
				err = s.keep(at)
			}
			if err != nil || !ran {
				return err
			}
		} else if drawn.profiling(i) {
			s.machine.Run(s.program, drawn.begin(i))
		}
		drawn.ended(i, s.machine)
	}
}

// number executes the i-th execution of a sample. Result.First counts in the
// whole sample, not in the shard.
func (s *search) number(i int, strategy sim.Strategy) (ran bool, err error) {
	unbroken := s.result.First == 0
	ran, err = s.runners[0].execute(strategy)
	if unbroken && s.result.First != 0 {
		s.result.First = i + 1
	}
	return ran, err
}

// draw is the source of chance of one execution.
type draw struct {
	pcg         rand.PCG
	seed, index uint64
}

func (d *draw) start(i uint64) {
	d.index = i
	d.pcg.Seed(d.seed, i)
}

// below draws a number below n, each equally likely: what rand.Rand.IntN does
// with the same source, without a call through its interface.
func (d *draw) below(n int) int {
	x := uint64(n)
	if x&(x-1) == 0 {
		return int(d.pcg.Uint64() & (x - 1))
	}
	high, low := bits.Mul64(d.pcg.Uint64(), x)
	if low < x {
		for least := -x % x; low < least; {
			high, low = bits.Mul64(d.pcg.Uint64(), x)
		}
	}
	return int(high)
}

// walk is the uniform random walk: at every point each option is equally likely.
type walk struct{ draw }

func (w *walk) begin(i uint64) { w.start(i) }

// Restart draws the same execution again.
func (w *walk) Restart() { w.begin(w.index) }

// Choose draws an option.
func (w *walk) Choose(_ *sim.Machine, p *sim.Point) int { return w.below(p.N) }
