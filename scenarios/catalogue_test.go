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
				// A step may only turn out to use less than where it was last seen, as the
				// release of a page that is not the last one here. What a broken rule cuts off
				// may have to be begun in vain as well.
				if o.Memory == memory.SC && len(r.Findings) == 0 && r.Blocked > 0 && (!r.Varying || r.Blocked > max(6, r.Executions/200)) {
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

// TestSeedBugs names for each bug of the mails that this repository is about, and for
// some of the years after, the scenario and the design that show it, and a design that has it no more.
func TestSeedBugs(t *testing.T) {
	const (
		hooks, hooksRepaired = "2006-readpage-hook", "2006-readpage-hook-repaired"
		rcu, mutex           = "2005-rcu", "2006-mutex"
		several, severalNow  = "2007-several-probes", "2007-several-probes-repaired"
		calls, synced, today = "2020-static-calls", "2020-static-calls-synced", "2021-static-calls"
		hooksMarch           = "2006-readpage-hook-march"
		mmapSem, dupMmapSem  = "2012-mmap-sem-for-writing", "2012-dup-mmap-sem"
		tasksTrace           = "2024-tasks-trace"
		srcu, srcuRepaired   = "2011-srcu", "2011-srcu-repaired"
	)
	for _, bug := range []struct{ what, scenario, design, title, repaired string }{
		{"the hook plants the breakpoint before the page is read", "readpage-returns-before-uptodate", hooks, "BUG: page touched before PG_uptodate in insert_kprobe_user", hooksRepaired},
		{"waiting for the page inside readpage", "waiting-for-the-page-inside-the-hook", "2006-readpage-hook-wait", "INFO: task hung in map_uprobe_page", hooksRepaired},
		{"the page number is compared where the offset should be", "probe-in-a-later-page", hooks, "BUG: probe missed in execute", hooksRepaired},
		{"the hook returns an error after the last unregister", "hook-after-the-last-unregister", hooks, "BUG: read(2) of a sound file failed in sys_read", hooksRepaired},
		{"a mutex is taken under i_mmap_lock", "mutex-under-i_mmap_lock", hooks, "BUG: sleeping function called from invalid context in remove_kprobe_user", hooksRepaired},
		{"the method table is freed under a caller", "hook-after-the-last-unregister", hooks, "KASAN: slab-use-after-free Read in do_generic_mapping_read", hooksRepaired},
		{"a page that was dropped is not patched again", "page-read-again-after-reclaim", hooks, "BUG: probe missed in execute", hooksRepaired},
		{"unregister leaves a breakpoint without an owner", "unregister-against-readpage", hooks, "BUG: program killed by SIGTRAP in do_int3", hooksRepaired},
		{"the area is looked up in the trap without mmap_sem", "munmap-while-trapped", hooksMarch, "KCSAN: data-race in find_vma / unmap_vm_as", hooksRepaired},
		{"the page is kept when it could not be mapped", "unregister-after-a-read-error", hooksMarch, "BUG: Bad page state in quiet", hooksRepaired},
		{"the page is looked at before it is locked", "invalidate-while-registering", hooksMarch, "BUG: page changed that has left its file in insert_kprobe_user", hooksRepaired},
		{"a read error after insertion, and later corruption", "text-after-a-read-error", hooks, "BUG: program text corrupted in must_be_original", hooksRepaired},
		{"munmap waits for an SRCU reader that waits for mmap_sem", "munmap-while-registering", srcu, "INFO: task hung in register_uprobe", srcuRepaired},
		{"a new consumer is attached to an uprobe that leaves the tree", "register-while-the-last-one-goes", srcu, "BUG: program killed by SIGTRAP in do_int3", srcuRepaired},
		{"one list link is used under three locks", "munmap-while-registering", srcu, "list_del corruption in register_uprobe", srcuRepaired},
		{"mmap installs after the unregister walk", "mmap-while-unregistering", srcu, "BUG: program killed by SIGTRAP in do_int3", srcuRepaired},
		{"the counter is read before the area is linked", "mmap-while-registering", srcu, "BUG: probe missed in execute", srcuRepaired},
		{"prepare_uprobe races with itself", "second-process-maps-while-registering", mmapSem, "BUG: wrong instruction stepped in execute", dupMmapSem},
		{"a hit between unregister and register gets SIGTRAP", "trap-between-two-registrations", "2012-restart", "BUG: program killed by SIGTRAP in do_int3", dupMmapSem},
		{"a child keeps the breakpoint of its parent", "fork-while-unregistering", mmapSem, "BUG: program killed by SIGTRAP in do_int3", dupMmapSem},
		{"a trap finds an uprobe whose instruction was not copied", "trap-between-two-registrations", mmapSem, "BUG: wrong instruction stepped in execute", dupMmapSem},
		{"uprobe_mmap forgets to put the uprobe", "mmap-while-registering", mmapSem, "memory leak in alloc_uprobe", dupMmapSem},
		{"consumer_rwsem is taken on both sides of mmap_sem", "handler-reads-user-memory", dupMmapSem, "possible deadlock in handler_chain", "2013-register-rwsem"},
		{"mremap overwrites the entry of a fresh page", "mremap-of-probed-text", tasksTrace, "memory leak in alloc_page", "2025-skip-moved"},
		{"what a handler uses is freed by RCU of another flavour", "owner-frees-after-unregister", "2024-wrong-flavour", "KASAN: slab-use-after-free Read in int3", tasksTrace},
		{"a lookup loses its reference", "owner-frees-after-unregister", "2021-lost-reference", "KASAN: slab-use-after-free Write in put", "2013-register-rwsem"},
		{"a lookup takes a reference to an uprobe that is ending", "register-while-the-last-one-goes", "2024-unconditional-get", "WARNING: refcount bug in alloc_uprobe", tasksTrace},
		{"an entry is removed and then added again", "second-probe-at-an-address", rcu, "int3: 0000 [#1] in do_int3", mutex},
		{"whether the list is empty is asked after the lock was dropped", "last-two-probes-unregister", rcu, "KASAN: double-free in unregister_kprobe", mutex},
		{"the manager is looked at when another remover has freed it", "last-two-probes-unregister", rcu, "KASAN: slab-use-after-free Read in unregister_kprobe", mutex},
		{"the slot is freed before the grace period", "slot-given-to-another-probe", rcu, "BUG: wrong instruction stepped in do_int3", mutex},
		{"reader and updater use different flavours of RCU", "handler-with-interrupts-on", rcu, "KASAN: slab-use-after-free Read in kprobe_handler", mutex},
		{"the manager is written when its last probe has freed it", "last-two-probes-unregister", "2007-relock", "KASAN: slab-use-after-free Write in unregister_kprobe", "2008-batch"},
		{"a callback changes a flag in the word of another without the mutex", "flags-that-share-a-word", several, "WARNING in free_old_closure", "2008-markers"},
		{"two operations are in one grace period", "two-operations-in-one-grace-period", several, "BUG: probe called with the data of another in marker_probe_cb", severalNow},
		{"the entry is looked up again when the mutex was dropped", "entry-looked-up-again", several, "memory leak in marker_entry_add_probe", severalNow},
		{"an error is freed in place of an array", "removal-without-memory", several, "BUG: unable to handle kernel paging request in free_old_closure", severalNow},
		{"the callback waits for readers of another flavour", "array-under-preemptible-rcu", several, "KASAN: slab-use-after-free Read in marker_probe_cb", "2008-markers"},
		{"the data of the probe that has gone are given to the one that is left", "first-of-two-goes", calls, "BUG: probe called with the data of another in do_trace", synced},
		{"no wait between the last probe and the next", "one-none-one", synced, "BUG: probe called with the data of another in do_trace", today},
		{"no wait for what changed two steps before", "three-two-one", synced, "BUG: probe called with the data of another in do_trace", today},
		{"functions are compared, and not their data", "same-function-twice", synced, "BUG: connected probe not called once in trace_event", today},
		{"the array is published before the call is changed", "probe-of-higher-priority", synced, "BUG: probe called with the data of another in do_trace", today},
		{"the iterator finds no array", "both-probes-go", synced, "BUG: unable to handle kernel paging request in traceiter", today},
		{"a removal fails, and its user frees the data", "removal-without-memory", "2010-tracepoints", "KASAN: slab-use-after-free Read in do_trace", today},
	} {
		t.Run(bug.what, func(t *testing.T) {
			asked := 0
			for _, p := range scenarios.Pairs() {
				if p.Scenario.Name != bug.scenario || p.Design.Name != bug.design && p.Design.Name != bug.repaired {
					continue
				}
				asked++
				r := once(t, p)
				found := slices.ContainsFunc(r.Findings, func(f *explore.Finding) bool { return f.Violation.Title == bug.title })
				if p.Design.Name == bug.design && !found {
					t.Errorf("not found in %s", p.Name())
				}
				if p.Design.Name == bug.repaired && r.Verdict() != explore.Clean {
					t.Errorf("%s is %s: %s", p.Name(), r.Verdict(), r.Coverage())
				}
			}
			if asked != 2 {
				t.Errorf("%d designs were asked, want 2", asked)
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
