package explore_test

import (
	"maps"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// textbook is a program that everybody writes who tries out a checker.
type textbook struct {
	name  string
	build func(m *sim.Machine)
	// closed is the number of its traces, where that has a closed form.
	closed int
	// title is how the first violation that is found begins, empty if there is none.
	title string
	// endless says that its tasks may hinder each other for ever, which ends a search.
	endless bool
	// large says that it is for long runs.
	large bool
}

func (p textbook) program(_ bool, observe func(string)) sim.Program {
	return func(m *sim.Machine) {
		p.build(m)
		m.After(func(*sim.K) { observe("") })
	}
}

// prefixes is the strategy that goes on from each set of steps once, in whatever order
// they were taken: as independent of the searches as every, and quick enough for
// programs that have too many executions for it. A set of steps is known by the hashes of
// its steps, and a step by those of all steps before it on which it depends.
type prefixes struct {
	every
	seen   map[uint64]bool
	hashes []uint64
	sum    uint64
}

func (s *prefixes) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks != nil && s.depth == len(s.path) {
		if h := s.hash(m); s.seen[h] {
			return -1
		}
		s.seen[s.sum] = true
	}
	return s.every.Choose(m, p)
}

func (s *prefixes) next() bool {
	s.hashes, s.sum = s.hashes[:0], 0
	s.path = s.path[:s.depth]
	return s.every.next()
}

// hash is that of all steps taken.
func (s *prefixes) hash(m *sim.Machine) uint64 {
	events := m.Events()
	for i := len(s.hashes); i < len(events); i++ {
		e := &events[i]
		h := scramble(uint64(e.Task)<<32 | uint64(e.Op)<<16 | uint64(e.Choice))
		for _, a := range m.Accesses(e) {
			h = scramble(h ^ uint64(a.Obj)<<8 ^ uint64(a.Mode))
		}
		before := uint64(0)
		for j := range s.hashes {
			if dependent(m, e, &events[j]) {
				before += s.hashes[j]
			}
		}
		s.hashes = append(s.hashes, scramble(h^before))
		s.sum += s.hashes[i]
	}
	return s.sum
}

// scramble is a step of the generator of Steele and Vigna.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// tracesOf counts the traces of a program without any search of package explore, and
// says which rules it breaks, until tasks are found to hinder each other for ever.
func tracesOf(p textbook) (traces int, titles map[string]bool) {
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	p.setUp(m)
	p.setUp(second)
	program := p.program(true, func(string) {})
	ends, titles, known := map[uint64]bool{}, map[string]bool{}, map[uint64]bool{}
	for s := (&prefixes{seen: map[uint64]bool{}}); ; {
		o := m.Run(program, s)
		switch {
		case o.Learnt:
			*s = prefixes{seen: map[uint64]bool{}}
			clear(ends)
			clear(titles)
			clear(known)
			continue
		case o.Abandoned:
		case o.Violation == nil:
			ends[s.hash(m)] = true
		case !known[o.Violation.Key]:
			known[o.Violation.Key] = true
			titles[title(second.Record(program, sim.NewReplay(m.Schedule())).Violation)] = true
		}
		if o.Endless {
			return len(ends), titles // there is no end to them
		}
		if !s.next() {
			return len(ends), titles
		}
	}
}

// The two references agree.
func TestReferences(t *testing.T) {
	for _, p := range textbooks() {
		if p.large || p.endless {
			continue
		}
		if want, ok := all(p, true, 500); ok {
			t.Run(p.name, func(t *testing.T) {
				traces, titles := tracesOf(p)
				if traces != len(want.traces) || len(titles) != len(want.titles) {
					t.Errorf("%d traces and %d titles, and of all executions %d and %d", traces, len(titles), len(want.traces), len(want.titles))
				}
			})
		}
	}
}

func textbooks() []textbook {
	return slices.Concat(textbookSpins, textbookRetries, textbookQueues, textbookLocks, textbookSleeps, textbookDeferred, textbookKernel)
}

// Programs that are not among those by which checkers are compared: each trace is
// visited in one execution, and none is begun in vain. The number of traces is that of a
// reference that knows nothing of reduction but which steps depend on each other. The
// other searches say the same of the program.
func TestTextbook(t *testing.T) {
	for _, p := range textbooks() {
		if p.large && !*long {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			traces, titles := tracesOf(p)
			if p.closed != 0 && traces != p.closed {
				t.Errorf("%d traces, and by the formula %d", traces, p.closed)
			}
			r := p.search(t, explore.Options{})
			if r.Blocked > 0 || p.title == "" && r.Executions != traces {
				t.Errorf("%s, and there are %d traces", r.Coverage(), traces)
			}
			wantSet(t, "violations", r.titles, titles, p)
			p.wantVerdict(t, "dpor", r)
			if r.Steps > 2000 && !*long {
				return // the others would take too long
			}
			p.wantVerdict(t, "bounded", p.search(t, explore.Options{Strategy: explore.Bounded, Preemptions: 1000}))
			p.wantVerdict(t, "states", p.search(t, explore.Options{Strategy: explore.States}))
		})
	}
}

// setUp has executions without an end be known for that sooner.
func (p textbook) setUp(m *sim.Machine) {
	if p.endless {
		m.MaxSteps = 800
	}
}

// search is run, but for programs whose executions have no end.
func (p textbook) search(t *testing.T, o explore.Options) explored {
	t.Helper()
	o.Setup = p.setUp
	if !p.endless {
		return run(t, p, true, o)
	}
	o.MinimiseExecutions = 1
	r := tryRun(t, p, true, o)
	if r.Complete || r.Stopped != "executions go on for ever" {
		t.Errorf("%s: %s", o.Strategy, r.Coverage())
	}
	return r
}

// String is what is added to a report.
func (p textbook) String() string { return "" }

func (p textbook) wantVerdict(t *testing.T, search string, r explored) {
	t.Helper()
	switch {
	case p.title == "" && r.Verdict() != explore.Clean:
		t.Errorf("%s: %s %v", search, r.Verdict(), slices.Collect(maps.Keys(r.titles)))
	case p.title != "" && !slices.ContainsFunc(slices.Collect(maps.Keys(r.titles)), func(s string) bool { return len(s) >= len(p.title) && s[:len(p.title)] == p.title }):
		t.Errorf("%s: %s %q, want %q", search, r.Verdict(), slices.Collect(maps.Keys(r.titles)), p.title)
	}
}
