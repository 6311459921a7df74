package explore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrMerge is wrapped by the error of Merge if the results are not those of all
// the shards of one search.
var ErrMerge = errors.New("explore: these results cannot be merged")

func notMerged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMerge, fmt.Errorf(format, args...))
}

// Merge joins the results of all the shards of a search, in whatever order, into
// that of the search. Each shard must be there once; they must be of the same
// program, with the same options, and know the same of the program. Of findings
// with the same title it keeps the simplest. Two shards of a search by states can
// visit one state, which counts once: see [Result.Shared]. So does a [Byway] that
// several have found.
func Merge(parts []*Result) (*Result, error) {
	if err := mergeable(parts); err != nil {
		return nil, err
	}
	first := parts[0]
	sum := &Result{
		Strategy: first.Strategy, Memory: first.Memory, Preemptions: first.Preemptions, Delays: first.Delays, TaskSteps: first.TaskSteps, Seed: first.Seed,
		LockAware: first.LockAware, Complete: true,
	}
	var stopped []string
	spent := 0
	for _, r := range parts {
		sum.Complete = sum.Complete && r.Complete
		sum.Executions += r.Executions
		sum.Blocked += r.Blocked
		sum.Merged += r.Merged
		sum.Cut += r.Cut
		sum.Assumed += r.Assumed
		sum.Steps += r.Steps
		sum.Transitions += r.Transitions
		sum.Forgot = sum.Forgot || r.Forgot
		sum.Minimising += r.Minimising
		sum.Varying = sum.Varying || r.Varying
		sum.Symmetric = sum.Symmetric || r.Symmetric
		if r.Longest > sum.Longest || sum.Chance == "" {
			sum.Chance = r.Chance // the profile is the same
		}
		sum.Longest = max(sum.Longest, r.Longest)
		if r.First > 0 && sampled(r.Strategy) && (sum.First == 0 || r.First < sum.First) {
			sum.First = r.First // in the whole sample
		}
		if r.Stopped != "" {
			stopped = append(stopped, fmt.Sprintf("%s: %s", r.Part.Shard, r.Stopped))
		}
		if done := r.Executions + r.Blocked + r.Merged + r.Cut + r.Assumed; r.Stopped == ranOut(done) {
			spent += done
		}
		for _, f := range r.Findings {
			sum.keep(f)
		}
	}
	if err := sum.leaveOut(parts); err != nil {
		return nil, err
	}
	sum.States, sum.Shared = different(parts)
	sum.Stopped = strings.Join(stopped, "; ")
	if b := first.Part.Budget; b > 0 && spent == b && sampled(sum.Strategy) {
		sum.Stopped = ranOut(b)
	}
	slices.SortFunc(sum.Findings, compareFindings)
	return sum, nil
}

// ranOut is why a search is not complete that has used up its budget.
func ranOut(budget int) string { return fmt.Sprintf("stopped after %d executions", budget) }

// mergeable says why results are not those of all the shards of one search.
func mergeable(parts []*Result) error {
	if len(parts) == 0 {
		return notMerged("there are none")
	}
	first := parts[0].Part
	have := map[int]bool{}
	for _, r := range parts {
		switch p := r.Part; {
		case p == nil:
			return notMerged("one is not of a shard")
		case p.Shard.check() != nil || p.Shard.Of < 2:
			return notMerged("there is no shard %d of %d", p.Shard.Index+1, p.Shard.Of)
		case p.Shard.Of != first.Shard.Of:
			return notMerged("%s and %s are of different searches", first.Shard, p.Shard)
		case have[p.Shard.Index]:
			return notMerged("%s is there twice", p.Shard)
		}
		have[r.Part.Shard.Index] = true
		if err := alike(parts[0], r); err != nil {
			return err
		}
		for _, q := range parts {
			if q.Part != nil && r != q && r.Part.lacks(q.Part) {
				return notMerged("%s would have had to know what %s has seen: make all again with %s", r.Part.Shard, q.Part.Shard, texts(q.Part))
			}
		}
	}
	var missing []string
	for i := range first.Shard.Of {
		if !have[i] && len(missing) < 20 {
			missing = append(missing, Shard{i, first.Shard.Of}.String())
		}
	}
	if len(missing) > 0 {
		return notMerged("%s missing", strings.Join(missing, ", "))
	}
	return nil
}

// alike says in what two shards are not of one search.
func alike(r, s *Result) error {
	p, q := r.Part, s.Part
	for _, d := range []struct {
		what string
		a, b any
	}{
		{"strategy", r.Strategy, s.Strategy}, {"memory model", r.Memory, s.Memory}, {"bound", r.Preemptions, s.Preemptions}, {"bound of delays", r.Delays, s.Delays}, {"awareness of locks (which a search gives up where it would be wrong: make all without)", r.LockAware, s.LockAware}, {"bound of each task", r.TaskSteps, s.TaskSteps}, {"seed", r.Seed, s.Seed}, {"depth", p.Depth, q.Depth},
		{"program", printOf(p.Program), printOf(q.Program)},
	} {
		if d.a != d.b {
			return notMerged("%s and %s are of different searches: the %s is %v, and %v", p.Shard, q.Shard, d.what, d.a, d.b)
		}
	}
	switch {
	case sampled(r.Strategy) && p.Budget != q.Budget:
		return notMerged("%s and %s are of different searches: the budget is %d, and %d", p.Shard, q.Shard, p.Budget, q.Budget)
	case p.Knowledge != 0 && p.Known == q.Known && p.Knowledge == q.Knowledge && p.Divided == q.Divided:
	case texts(p) != texts(q):
		return notMerged("%s and %s have not learnt the same of the program: make all again with what was learnt, %s", p.Shard, q.Shard, cmp.Or(longer(texts(p), texts(q)), "nothing"))
	case p.Known != q.Known || p.Divided != q.Divided || p.Knowledge != q.Knowledge:
		return notMerged("%s and %s do not know the same of the program (%d and %d things, divided at %d and %d): make all again with %s", p.Shard, q.Shard, p.Known, q.Known, p.Divided, q.Divided, cmp.Or(texts(p), "the same trapline"))
	}
	return nil
}

func texts(p *Part) string {
	var all []string
	for _, s := range p.Learnt {
		all = append(all, s.String())
	}
	return strings.Join(all, " ")
}

func longer(a, b string) string {
	if len(a) > len(b) {
		return a
	}
	return b
}

// keep adds a finding, unless there is a simpler one with its title.
func (r *Result) keep(f *Finding) {
	for i, old := range r.Findings {
		if old.Violation.Title == f.Violation.Title {
			if compareFindings(f, old) < 0 {
				r.Findings[i] = f
			}
			return
		}
	}
	r.Findings = append(r.Findings, f)
}

// compareFindings puts the simplest first.
func compareFindings(f, g *Finding) int {
	minimal := 0
	switch {
	case f.Minimal && !g.Minimal:
		minimal = -1
	case g.Minimal && !f.Minimal:
		minimal = 1
	}
	return cmp.Or(cmp.Compare(f.Preemptions, g.Preemptions), minimal, cmp.Compare(f.Steps, g.Steps),
		cmp.Compare(f.Violation.Title, g.Violation.Title), cmp.Compare(f.Schedule.String(), g.Schedule.String()))
}

// different counts the states that the parts have visited, and those of them that
// several have.
func different(parts []*Result) (states, shared int) {
	var all []uint64
	for _, r := range parts {
		all = append(all, r.Part.Visited...)
	}
	slices.Sort(all)
	for i := 0; i < len(all); states++ {
		n := 1
		for i+n < len(all) && all[i+n] == all[i] {
			n++
		}
		if n > 1 {
			shared++
		}
		i += n
	}
	return states, shared
}
