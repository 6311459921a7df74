package fuzz_test

import (
	"context"
	"reflect"
	"testing"

	"trapline/scenarios"
	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

func subject(t *testing.T, name string) *lifecycle.Subject {
	t.Helper()
	for _, s := range scenarios.Subjects() {
		if s.Design.Name == name {
			return s
		}
	}
	t.Fatalf("no design %s", name)
	return nil
}

// TestFuzzRediscovers says of posted designs which known bugs drawn programs must find,
// and within how many executions; and of a repaired one that there is nothing to find.
func TestFuzzRediscovers(t *testing.T) {
	for _, c := range []struct {
		design     string
		executions int
		titles     []string
	}{
		{"2005-one-lock", 500, []string{"memory leak in get_insn_slot"}},
		{"2005-rcu", 5000, []string{"memory leak in get_insn_slot", "int3: 0000 [#1] in do_int3"}},
		{"2006-mutex", 3000, nil},
		{"2024-today", 1000, nil},
		{"2006-readpage-hook", 500, []string{"BUG: sleeping function called from invalid context in remove_kprobe_user", "BUG: page touched before PG_uptodate in insert_kprobe_user"}},
		{"2006-readpage-hook-repaired", 1500, nil},
	} {
		t.Run(c.design, func(t *testing.T) {
			t.Parallel()
			counts, err := fuzz.Fuzz(context.Background(), subject(t, c.design), fuzz.Options{Image: vm.DefaultImage(), Executions: c.executions})
			if err != nil {
				t.Fatal(err)
			}
			if counts.Executions != c.executions || counts.Cut > 0 {
				t.Errorf("%d executions, %d cut off", counts.Executions, counts.Cut)
			}
			found := map[string]bool{}
			for _, f := range counts.Failures {
				found[f.Title] = true
				if !f.Claimed {
					t.Errorf("%s is not known:\n%v", f.Title, f.Minimal.Program)
				}
				smallest(t, subject(t, c.design), f)
			}
			for _, title := range c.titles {
				if !found[title] {
					t.Errorf("%s was not found", title)
				}
			}
			if c.titles == nil && len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

// smallest checks that the example of a failure replays, and has no more than it needs:
// no program with one thing less breaks the rule in the undisturbed course.
func smallest(t *testing.T, s *lifecycle.Subject, f *fuzz.Failure) {
	t.Helper()
	m := sim.NewMachine()
	defer m.Close()
	replay := sim.NewReplay(f.Minimal.Finding.Schedule)
	m.Run(s.Run(f.Minimal.Program, vm.DefaultImage()), replay)
	replay.Restart()
	o := m.Record(s.Run(f.Minimal.Program, vm.DefaultImage()), replay)
	if err := replay.Done(); err != nil || o.Violation == nil || o.Violation.Title != f.Title {
		t.Errorf("%s does not replay: %v, %v", f.Title, o.Violation, err)
	}
	for _, p := range f.Minimal.Program.Smaller() {
		v, err := fuzz.Run(s, &lifecycle.Case{Program: *p}, vm.DefaultImage())
		if err == nil && v != nil && v.Title == f.Title {
			t.Errorf("%s: this would do:\n%v", f.Title, p)
		}
	}
}

// TestFuzzIsReproducible runs the same twice, and once more from the corpus.
func TestFuzzIsReproducible(t *testing.T) {
	s := subject(t, "2006-mutex")
	run := func(o fuzz.Options) (fuzz.Counts, []*lifecycle.Case) {
		var kept []*lifecycle.Case
		o.Image, o.Seed = vm.DefaultImage(), 7
		o.Keep = func(c *lifecycle.Case) error { kept = append(kept, c.Clone()); return nil }
		counts, err := fuzz.Fuzz(context.Background(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		return counts, kept
	}
	first, kept := run(fuzz.Options{Executions: 400})
	second, _ := run(fuzz.Options{Executions: 400})
	if !reflect.DeepEqual(first, second) {
		t.Errorf("%+v, then %+v", first, second)
	}
	if len(kept) != first.Corpus || first.Pairs < first.Corpus {
		t.Errorf("%d cases kept: %+v", len(kept), first)
	}
	third, more := run(fuzz.Options{Executions: 80, Corpus: kept, Before: first})
	if third.Programs != first.Programs+10 || third.Pairs < first.Pairs || third.Corpus < len(more) {
		t.Errorf("%+v, then %+v with %d more", first, third, len(more))
	}
}
