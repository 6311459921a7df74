package explore_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// delayed is the strategy that visits every execution, and counts the delays of each.
type delayed struct {
	every
	delays int
}

func (s *delayed) Choose(m *sim.Machine, p *sim.Point) int {
	i := s.every.Choose(m, p)
	if p.Tasks != nil {
		s.delays += i
	}
	return i
}

// reach visits every execution of a program: its end states and violations with the
// fewest delays. bound is the steps that each task may take.
func reach(p program, bound, most int) (ends, titles map[string]int, ok bool) {
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	m.MaxTaskSteps, second.MaxTaskSteps = bound, bound
	var end string
	program := p.program(bound == 0, func(e string) { end = e })
	ends, titles = map[string]int{}, map[string]int{}
	atMost := func(m map[string]int, key string, n int) {
		if old, ok := m[key]; !ok || n < old {
			m[key] = n
		}
	}
	s := new(delayed)
	for range most {
		s.delays = 0
		switch o := m.Run(program, s); {
		case o.Learnt:
			s, ends, titles = new(delayed), map[string]int{}, map[string]int{}
			continue
		case o.Violation != nil:
			atMost(titles, title(second.Record(program, sim.NewReplay(m.Schedule())).Violation), s.delays)
		case !o.AtBound:
			atMost(ends, end, s.delays)
		}
		if !s.next() {
			return ends, titles, true
		}
	}
	return nil, nil, false
}

// The search with delays sees the end states and the violations that take no more
// than the bound, and nothing else.
func TestSearchWithDelaysSeesWhatTheBoundAllows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(wild).Draw(rt, "program")
		ends, titles, ok := reach(p, 0, mostExecutions)
		if !ok {
			return
		}
		for _, bound := range []int{0, 1, 3, 40} {
			r := run(rt, p, true, explore.Options{Strategy: explore.Delays, Delays: bound, MinimiseExecutions: 1})
			most := func(fewest int) bool { return fewest <= bound }
			wantSet(rt, "violations", r.titles, filter(titles, most), p)
			if len(titles) == 0 {
				wantSet(rt, "end states", r.ends, filter(ends, most), p)
			}
		}
	})
}

// A search with a bound on the steps of each task sees what can happen within it, in
// one execution for each trace.
func TestSearchWithTaskSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(wild).Draw(rt, "program")
		bound := rapid.IntRange(1, 6).Draw(rt, "bound")
		ends, titles, ok := reach(p, bound, mostExecutions)
		if !ok {
			return
		}
		for _, o := range []explore.Options{{TaskSteps: bound, SelfCheck: true}, {TaskSteps: bound, Strategy: explore.Bounded, Preemptions: 40}} {
			r := run(rt, p, false, o)
			wantSet(rt, "violations", r.titles, titles, p)
			wantSet(rt, "end states", r.ends, ends, p)
		}
	})
}

// A program that does not end is visited as far as the bound goes.
func TestTaskStepsOfAnEndlessProgram(t *testing.T) {
	p := func(m *sim.Machine) {
		x := words(m, 1)
		tasks(m, 2, func(_ int, k *sim.K) {
			for i := 0; ; i++ {
				x[0].Write(k, i)
			}
		})
	}
	// The interleavings of two times n writes.
	for n, want := range map[int]int{1: 2, 2: 6, 3: 20, 5: 252} {
		for _, workers := range []int{1, 2} {
			r, err := explore.Run(context.Background(), p, explore.Options{TaskSteps: n, Workers: workers})
			if err != nil || !r.Complete || r.Cut != want || r.Executions != 0 || r.Blocked != 0 && workers == 1 || r.Verdict() != explore.Inconclusive {
				t.Errorf("%d steps of each task: %v, %s, want %d cut off", n, err, r.Coverage(), want)
			}
		}
	}
}
