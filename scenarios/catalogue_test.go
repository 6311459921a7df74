package scenarios_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trapline/scenarios"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/sim/trace"
	"trapline/vm"
)

var update = flag.Bool("update", false, "write the golden traces anew")

// long makes the tests hold every pair to itself twice: go test ./scenarios -long
var long = flag.Bool("long", false, "run every schedule of every pair twice, and exchange steps in more executions")

// briefly is how many executions have those pairs that are run twice in any case.
const briefly = 20

// besides has a part of a long run take turns with the others on all processors.
func besides(t *testing.T) {
	if *long {
		t.Parallel()
	}
}

func run(t *testing.T, p catalogue.Pair, image *vm.Image, o explore.Options) *explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), p.Program(image), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// once is run without options and with the default image, for tests that look at the
// same result. The first call runs all pairs, on all processors.
func once(t *testing.T, p catalogue.Pair) *explore.Result {
	t.Helper()
	searches.Do(func() {
		pairs := scenarios.Pairs()
		var next atomic.Int64
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(pairs); i = next.Add(1) - 1 {
					p := pairs[i]
					r, err := explore.Run(context.Background(), p.Program(vm.DefaultImage()), explore.Options{Memory: p.Scenario.Model})
					mu.Lock()
					if results[p.Name()] = r; err != nil {
						failures = append(failures, fmt.Errorf("%s: %w", p.Name(), err))
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	})
	for _, err := range failures {
		t.Fatal(err)
	}
	return results[p.Name()]
}

var (
	searches sync.Once
	results  = map[string]*explore.Result{}
	failures []error
)

// TestClaims asks every question of every design, exhaustively, and compares
// with what is claimed: known failures that stop failing are reported as well as
// new ones. Every schedule of the smaller pairs is run twice.
func TestClaims(t *testing.T) {
	later, err := vm.LoadImage("victim", vm.Victim(), "far")
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []*vm.Image{vm.DefaultImage(), later} {
		for _, p := range scenarios.Pairs() {
			if image != vm.DefaultImage() && !*long && !strings.HasPrefix(p.Design.Name, "2006-readpage") {
				continue // where in the file the probe is makes no difference to it
			}
			t.Run(image.Symbol+"/"+p.Name(), func(t *testing.T) {
				besides(t)
				o := explore.Options{Memory: p.Scenario.Model}
				var r *explore.Result
				if image == vm.DefaultImage() {
					r = once(t, p)
				} else {
					r = run(t, p, image, o)
				}
				if o.SelfCheck = true; *long || r.Executions <= briefly && o.Memory == memory.SC {
					if again := run(t, p, image, o); again.Executions != r.Executions || again.Verdict() != r.Verdict() {
						t.Errorf("the second time: %s, first: %s", again.Coverage(), r.Coverage())
					}
				}
				if err := p.Held(image, r); err != nil {
					t.Error(err)
				}
				if !r.Complete {
					t.Errorf("%s", r.Coverage())
				}
				if o.Memory == memory.SC && r.Blocked > 0 {
					t.Errorf("%s", r.Coverage())
				}
				if o.Memory != memory.SC || r.Executions > briefly {
					return // not every search for the fewest preemptions comes to an end
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
			besides(t)
			if p.Scenario.Model != memory.SC {
				t.Skip("the other search knows only sc")
			}
			all := once(t, p)
			if all.Executions > briefly && !*long {
				t.Skip("the other search would take too long")
			}
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

// TestGoldenTraces compares the story of every known failure with the one on
// file. After a change, run with -update, read the difference, and commit it
// only if it can be explained.
func TestGoldenTraces(t *testing.T) {
	for _, p := range scenarios.Pairs() {
		r := once(t, p)
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
		for _, k := range p.Expected(vm.DefaultImage(), r.Memory) {
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
		for _, f := range once(t, p).Findings {
			schedule, err := sim.ParseSchedule(f.Schedule.String())
			if err != nil {
				t.Fatal(err)
			}
			m := sim.NewMachine()
			replay := sim.NewReplay(schedule)
			m.Memory = replay.Memory()
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
