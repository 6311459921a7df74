package explore_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// every is the strategy that visits every execution, without any reduction:
// the reference that the searches are held to.
type every struct {
	path  []fork
	depth int
}

type fork struct{ taken, options int }

func (s *every) Choose(_ *sim.Machine, p *sim.Point) int {
	if s.depth == len(s.path) {
		s.path = append(s.path, fork{0, p.N})
	}
	f := s.path[s.depth]
	if f.options != p.N {
		panic("the program is not deterministic")
	}
	s.depth++
	return f.taken
}

// next moves to the next execution. It returns false when there is none.
func (s *every) next() bool {
	s.depth = 0
	for n := len(s.path); n > 0; n-- {
		if f := &s.path[n-1]; f.taken+1 < f.options {
			f.taken++
			s.path = s.path[:n]
			return true
		}
	}
	return false
}

// drawn is a program that is drawn at random.
type drawn interface {
	program(daemons bool, observe func(end string)) sim.Program
}

// truth is what the full search has seen.
type truth struct {
	executions int
	ends       map[string]int  // end states without violation, by fewest preemptions
	traces     map[string]bool // of executions without violation, in Foata normal form
	titles     map[string]int  // violations, by fewest preemptions
	findOut    bool            // a step uses what is known only when it is taken
	assumed    bool            // an assumption did not hold
}

// findsOut says whether a step of the last execution of m used more than was
// known of it before it was taken.
func findsOut(m *sim.Machine) bool {
	events := m.Events()
	for i := range events {
		if len(m.Accesses(&events[i])) > int(events[i].Known) {
			return true
		}
	}
	return false
}

// all visits every execution of p, unless there are more than the given number.
func all(p drawn, daemons bool, most int) (*truth, bool) {
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	var end string
	program := p.program(daemons, func(e string) { end = e })
	f := &truth{ends: map[string]int{}, traces: map[string]bool{}, titles: map[string]int{}}
	titles := map[uint64]string{}
	atMost := func(m map[string]int, key string, n int) {
		if old, ok := m[key]; !ok || n < old {
			m[key] = n
		}
	}
	for s := new(every); ; {
		o := m.Run(program, s)
		if o.Learnt {
			*s = every{}
			*f = truth{ends: map[string]int{}, traces: map[string]bool{}, titles: map[string]int{}}
			continue
		}
		f.executions++
		switch v := o.Violation; {
		case v == nil && o.Assumed:
		case v == nil:
			atMost(f.ends, end, o.Preemptions)
			f.traces[foata(m)] = true
			f.findOut = f.findOut || findsOut(m)
		case titles[v.Key] == "" || v.Kind == sim.DataRace:
			// The key of a data race leaves open with whom it is.
			titles[v.Key] = title(second.Record(program, sim.NewReplay(m.Schedule())).Violation)
			fallthrough
		default:
			atMost(f.titles, titles[v.Key], o.Preemptions)
		}
		if !s.next() {
			return f, true
		}
		if f.executions >= most {
			return nil, false
		}
	}
}

// title is the title of a violation. Of an order of locks it leaves out the
// task: the one that comes last reports what several do together, and who comes
// last is no matter of the trace. Recursion has the same title.
func title(v *sim.Violation) string {
	switch v.Kind {
	case sim.LockOrder, sim.Recursive, sim.IRQUnsafe:
		return v.Kind.Class
	}
	return v.Title
}

// foata is the Foata normal form of the last execution of m: its steps in
// layers, each of which depends on one in the layer before. Executions have the
// same form if and only if they differ in the order of independent steps only.
func foata(m *sim.Machine) string {
	events := m.Events()
	layer := make([]int, len(events))
	order := make([]int, len(events))
	for i := range events {
		order[i] = i
		for j := range i {
			if layer[i] <= layer[j] && dependent(m, &events[i], &events[j]) {
				layer[i] = layer[j] + 1
			}
		}
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(layer[i], layer[j]), cmp.Compare(events[i].Task, events[j].Task))
	})
	var form []byte
	for _, i := range order {
		e := &events[i]
		form = append(form, byte(layer[i]), byte(e.Task), byte(e.Op>>8), byte(e.Op), byte(e.Choice))
		for _, a := range m.Accesses(e) {
			form = append(form, byte(a.Obj), byte(a.Mode))
		}
	}
	return string(form)
}

func dependent(m *sim.Machine, e, f *sim.Event) bool {
	if e.Task == f.Task {
		return true
	}
	for _, a := range m.Accesses(e) {
		for _, b := range m.Accesses(f) {
			if a.Obj == b.Obj && (a.Mode == sim.Write || a.Mode != b.Mode) {
				return true
			}
		}
	}
	return false
}

// explored is what a search of package explore has seen.
type explored struct {
	*explore.Result
	ends   map[string]bool
	titles map[string]*explore.Finding
}

func run(t rapid.TB, p drawn, daemons bool, o explore.Options) explored {
	t.Helper()
	e := tryRun(t, p, daemons, o)
	if !e.Complete {
		t.Fatalf("%s%v", e.Coverage(), p)
	}
	return e
}

// tryRun is run of a search that need not be complete.
func tryRun(t rapid.TB, p drawn, daemons bool, o explore.Options) explored {
	t.Helper()
	e := explored{ends: map[string]bool{}, titles: map[string]*explore.Finding{}}
	var mu sync.Mutex
	r, err := explore.Run(context.Background(), p.program(daemons, func(end string) {
		if o.Workers > 1 {
			time.Sleep(time.Microsecond) // so that others find something to do
		}
		mu.Lock()
		defer mu.Unlock()
		e.ends[end] = true
	}), o)
	if err != nil {
		t.Fatalf("%v%v", err, p)
	}
	e.Result = r
	for _, f := range r.Findings {
		if old := e.titles[title(f.Violation)]; old == nil || f.Preemptions < old.Preemptions {
			e.titles[title(f.Violation)] = f
		}
	}
	return e
}

// wantSet compares two sets and says what is missing from or odd in the first.
func wantSet[V, W any](t rapid.TB, what string, got map[string]V, want map[string]W, p drawn) {
	t.Helper()
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[k]; !ok {
			t.Errorf("%s: misses %s%v", what, k, p)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: has %s, which cannot be%v", what, k, p)
		}
	}
}

// mostExecutions bounds the programs that the reference is asked about.
const mostExecutions = 3000

// Of a program that breaks no rule, the exhaustive search sees every end state,
// and it does so in exactly one execution for each Mazurkiewicz trace, with none begun in
// vain, also where steps find out only when they are taken what they use (a wake_up,
// whom it wakes).
func TestExhaustiveSearchVisitsEachTraceOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(quiet).Draw(rt, "program")
		if want, ok := all(p, true, mostExecutions); ok && len(want.titles) == 0 {
			wantEachTraceOnce(rt, p, want)
		}
	})
}

func wantEachTraceOnce(t rapid.TB, p drawn, want *truth) {
	t.Helper()
	r := run(t, p, true, explore.Options{SelfCheck: true})
	wantSet(t, "end states", r.ends, want.ends, p)
	if n := len(want.traces); r.Executions != n || r.Blocked > 0 {
		t.Errorf("%d executions and %d blocked for %d traces%v", r.Executions, r.Blocked, n, p)
	}
	if v := r.Verdict(); v != explore.Clean {
		t.Errorf("the verdict is %s%v", v, p)
	}
}

// Of any program, the exhaustive search finds every violation and every end
// state beside them, and says how many preemptions each violation takes.
func TestExhaustiveSearchFindsEveryViolation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(wild).Draw(rt, "program")
		if want, ok := all(p, false, mostExecutions); ok && len(want.titles) > 0 {
			wantEveryViolation(rt, p, want)
		}
	})
}

func wantEveryViolation(t rapid.TB, p drawn, want *truth) {
	t.Helper()
	r := run(t, p, false, explore.Options{SelfCheck: true})
	wantSet(t, "violations", r.titles, want.titles, p)
	wantSet(t, "end states", r.ends, want.ends, p)
	wantFewest(t, r, want, p)
}

// drawProgram draws a program, and whether it is to keep the rules.
func drawProgram(rt *rapid.T) (p program, clean bool) {
	clean = rapid.Bool().Draw(rt, "clean")
	verbs := wild
	if clean {
		verbs = quiet
	}
	return programs(verbs).Draw(rt, "program"), clean
}

// Several workers see what one sees.
func TestWorkersMissNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, clean := drawProgram(rt)
		want, ok := all(p, clean, mostExecutions)
		if !ok || len(want.traces) < 6 {
			return
		}
		r := run(rt, p, clean, explore.Options{Workers: 3})
		if clean && len(want.titles) == 0 {
			wantSet(rt, "end states", r.ends, want.ends, p)
			if n := len(want.traces); r.Executions != n {
				rt.Errorf("%d executions and %d blocked for %d traces%v", r.Executions, r.Blocked, n, p)
			}
			return
		}
		wantSet(rt, "violations", r.titles, want.titles, p)
	})
}

// Whatever else it misses, the exhaustive search never calls a program clean
// that breaks a rule, and never accuses one that does not.
func TestVerdictIsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(wild).Draw(rt, "program")
		want, ok := all(p, false, mostExecutions)
		if !ok {
			return
		}
		r := run(rt, p, false, explore.Options{})
		if (r.Verdict() == explore.Violation) != (len(want.titles) > 0) {
			rt.Errorf("the verdict is %s, and %d rules are broken%v", r.Verdict(), len(want.titles), p)
		}
		wantFewest(rt, r, want, p)
	})
}

// wantFewest holds the findings to the true numbers of preemptions.
func wantFewest(t rapid.TB, r explored, want *truth, p drawn) {
	t.Helper()
	for _, title := range slices.Sorted(maps.Keys(r.titles)) {
		f := r.titles[title]
		if fewest, ok := want.titles[title]; !ok || f.Preemptions != fewest || !f.Minimal {
			t.Errorf("%s: %d preemptions (minimal: %t), the fewest are %d%v", title, f.Preemptions, f.Minimal, fewest, p)
		}
	}
}

// The search with a bound sees the end states and the violations that take no
// more preemptions than the bound, and nothing else.
func TestBoundedSearchSeesWhatTheBoundAllows(t *testing.T) {
	for _, verbs := range []struct {
		name  string
		verbs []string
	}{{"quiet", quiet}, {"wild", wild}} {
		t.Run(verbs.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				p := programs(verbs.verbs).Draw(rt, "program")
				want, ok := all(p, verbs.name == "quiet", mostExecutions)
				if !ok {
					return
				}
				wantBounded(rt, p, verbs.name == "quiet", want)
			})
		})
	}
}

func wantBounded(t rapid.TB, p drawn, daemons bool, want *truth) {
	t.Helper()
	for _, bound := range []int{0, 1, 2, 12} {
		r := run(t, p, daemons, explore.Options{Strategy: explore.Bounded, Preemptions: bound, MinimiseExecutions: 1})
		most := func(fewest int) bool { return fewest <= bound }
		wantSet(t, "violations", r.titles, filter(want.titles, most), p)
		if len(want.titles) == 0 {
			wantSet(t, "end states", r.ends, filter(want.ends, most), p)
		}
	}
}

func filter[V any](m map[string]V, keep func(V) bool) map[string]V {
	kept := map[string]V{}
	for k, v := range m {
		if keep(v) {
			kept[k] = v
		}
	}
	return kept
}
