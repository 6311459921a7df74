package scenarios_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/probes/uprobes"
	"trapline/scenarios"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/trace"
	"trapline/vm"
)

var update = flag.Bool("update", false, "write the golden traces anew")

func run(t *testing.T, p catalogue.Pair, image *vm.Image, o explore.Options) *explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), p.Program(image), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestClaims asks every question of every design, exhaustively, and compares
// with what is claimed: known failures that stop failing are reported as well as
// new ones. Every schedule is run twice.
func TestClaims(t *testing.T) {
	later, err := vm.LoadImage("victim", vm.Victim(), "far")
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []*vm.Image{vm.DefaultImage(), later} {
		for _, p := range scenarios.Pairs() {
			t.Run(image.Symbol+"/"+p.Name(), func(t *testing.T) {
				r := run(t, p, image, explore.Options{SelfCheck: true})
				if err := p.Held(image, r); err != nil {
					t.Error(err)
				}
				// What a broken rule cuts off may have to be begun in vain.
				if !r.Complete || r.Blocked > 0 && len(r.Findings) == 0 {
					t.Errorf("%s", r.Coverage())
				}
				for _, f := range r.Findings {
					if !f.Minimal {
						t.Errorf("%s: not known to have the fewest preemptions", f.Violation.Title)
					}
				}
			})
		}
	}
}

// TestStrategiesAgree holds the search that counts preemptions to the titles of
// the exhaustive one.
func TestStrategiesAgree(t *testing.T) {
	titles := func(r *explore.Result) (ts []string) {
		for _, f := range r.Findings {
			ts = append(ts, f.Violation.Title)
		}
		slices.Sort(ts)
		return ts
	}
	for _, p := range scenarios.Pairs() {
		t.Run(p.Name(), func(t *testing.T) {
			all := run(t, p, vm.DefaultImage(), explore.Options{})
			most := 0
			for _, f := range all.Findings {
				most = max(most, f.Preemptions)
			}
			bounded := run(t, p, vm.DefaultImage(), explore.Options{Strategy: explore.Bounded, Preemptions: most})
			if !slices.Equal(titles(all), titles(bounded)) {
				t.Errorf("dpor finds %q, bounded by %d preemptions %q", titles(all), most, titles(bounded))
			}
		})
	}
}

// TestSeedBugs names for each bug of the first mail that this repository is
// about the scenario and design that show it.
func TestSeedBugs(t *testing.T) {
	for _, bug := range []struct{ what, scenario, design, title string }{
		{"the hook plants the breakpoint before the page is read", "readpage-returns-before-uptodate", "2006-readpage-hook", "BUG: page touched before PG_uptodate in insert_kprobe_user"},
		{"waiting for the page inside readpage", "waiting-for-the-page-inside-the-hook", "2006-readpage-hook-wait", "INFO: task hung in map_uprobe_page"},
		{"the page number is compared where the offset should be", "probe-in-a-later-page", "2006-readpage-hook", "BUG: probe missed in execute"},
		{"the hook returns an error after the last unregister", "hook-after-the-last-unregister", "2006-readpage-hook", "BUG: read(2) of a sound file failed in sys_read"},
		{"a mutex is taken under i_mmap_lock", "mutex-under-i_mmap_lock", "2006-readpage-hook", "BUG: sleeping function called from invalid context in remove_kprobe_user"},
		{"the method table is freed under a caller", "hook-after-the-last-unregister", "2006-readpage-hook", "KASAN: slab-use-after-free Read in do_generic_mapping_read"},
		{"a page that was dropped is not patched again", "page-read-again-after-reclaim", "2006-readpage-hook", "BUG: probe missed in execute"},
		{"unregister leaves a breakpoint without an owner", "unregister-against-readpage", "2006-readpage-hook", "BUG: program killed by SIGTRAP in do_int3"},
	} {
		t.Run(bug.what, func(t *testing.T) {
			for _, p := range scenarios.Pairs() {
				if p.Scenario.Name != bug.scenario {
					continue
				}
				r := run(t, p, vm.DefaultImage(), explore.Options{})
				found := slices.ContainsFunc(r.Findings, func(f *explore.Finding) bool { return f.Violation.Title == bug.title })
				switch p.Design.Name {
				case bug.design:
					if !found {
						t.Errorf("not found in %s", p.Name())
					}
				case uprobes.ReadpageHookRepaired.Name:
					if r.Verdict() != explore.Clean {
						t.Errorf("%s is %s: %s", p.Name(), r.Verdict(), r.Coverage())
					}
				}
			}
		})
	}
}

// TestGoldenTraces compares the story of every known failure with the one on
// file. After a change, run with -update, read the difference, and commit it
// only if it can be explained.
func TestGoldenTraces(t *testing.T) {
	for _, p := range scenarios.Pairs() {
		r := run(t, p, vm.DefaultImage(), explore.Options{})
		if len(r.Findings) == 0 {
			continue
		}
		t.Run(p.Name(), func(t *testing.T) {
			got := story(t, p, r)
			file := filepath.Join("testdata", p.Scenario.Name, p.Design.Name+".trace")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s has changed; the trace is now\n%s", file, got)
			}
		})
	}
}

// story is what a golden file holds: each finding with its schedule and lanes.
func story(t *testing.T, p catalogue.Pair, r *explore.Result) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", p.Scenario.Asks)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%s\n", f.Violation.Title)
		for _, k := range p.Expected(vm.DefaultImage()) {
			if k.Title == f.Violation.Title {
				fmt.Fprintf(&b, "%s\n", k.Why)
			}
		}
		fmt.Fprintf(&b, "preemptions: %d, schedule: %s\n\n", f.Preemptions, f.Schedule)
		if err := trace.Lanes(&b, f.Records, 0); err != nil {
			t.Fatal(err)
		}
		for _, w := range f.Violation.Waits {
			// The place in the source would change with every edit.
			w, _, _ = strings.Cut(w, ", at ")
			fmt.Fprintf(&b, "%s\n", w)
		}
	}
	return b.Bytes()
}

// TestReplay runs every finding again from the text of its schedule, on a new
// machine.
func TestReplay(t *testing.T) {
	for _, p := range scenarios.Pairs() {
		for _, f := range run(t, p, vm.DefaultImage(), explore.Options{}).Findings {
			schedule, err := sim.ParseSchedule(f.Schedule.String())
			if err != nil {
				t.Fatal(err)
			}
			m := sim.NewMachine()
			replay := sim.NewReplay(schedule)
			o := m.Record(p.Program(vm.DefaultImage()), replay)
			m.Close()
			if err := replay.Done(); err != nil {
				t.Errorf("%s: %v", p.Name(), err)
			}
			if o.Violation == nil || o.Violation.Title != f.Violation.Title || o.Hash != f.Hash {
				t.Errorf("%s: schedule %s gives %v, hash %016x, want %v, hash %016x", p.Name(), f.Schedule, o.Violation, o.Hash, f.Violation, f.Hash)
			}
		}
	}
}

// TestKnownFailuresNameScenarios finds misspelt names in the designs.
func TestKnownFailuresNameScenarios(t *testing.T) {
	for _, d := range scenarios.Designs() {
		for _, f := range d.Fails {
			if !slices.ContainsFunc(scenarios.All(), func(s *catalogue.Scenario) bool { return s.Name == f.Scenario }) {
				t.Errorf("%s fails %q, and there is no such scenario", d.Name, f.Scenario)
			}
			if f.Title == "" || f.Why == "" {
				t.Errorf("%s fails %q: title or reason missing", d.Name, f.Scenario)
			}
		}
	}
}

// BenchmarkCheck explores the whole catalogue.
func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		for _, p := range scenarios.Pairs() {
			if _, err := explore.Run(context.Background(), p.Program(vm.DefaultImage()), explore.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
