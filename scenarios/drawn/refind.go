package drawn

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"trapline/probes"
	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// record has [Refind] look for what it does not find again: with -record.
var record = flag.Bool("record", false, "look for the claimed failures of drawn programs that are recorded for no design, and record them")

// recording is how many executions it makes for that.
const recording = 1_000_000

// kept is a program that breaks a rule, with the schedule of one of the designs on which
// it does.
type kept struct {
	title, program, schedule string
}

// Refind shows that the failures which only drawn programs find are found still: for each
// there is a program in the file that breaks the rule, under its schedule or one that a
// short search finds.
func Refind(t *testing.T, all []*lifecycle.Subject, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !*record {
		t.Fatal(err)
	}
	programs := parseKept(string(text))
	used := make([]bool, len(programs))
	for _, s := range all {
		for _, f := range s.Design.Fails {
			if f.Scenario != lifecycle.Scenario {
				continue
			}
			t.Run(s.Design.Name+"/"+f.Title, func(t *testing.T) {
				i := refind(t, s, f, programs)
				switch {
				case i >= 0:
					used[i] = true
				case *record:
					programs, used = append(programs, lookFor(t, s, f)), append(used, true)
				default:
					t.Error("no program of the file shows it: look for one with -record")
				}
			})
		}
	}
	var b bytes.Buffer
	for i, p := range programs {
		if used[i] {
			fmt.Fprintf(&b, "# %s\n%sexecution: %s\n\n", p.title, p.program, p.schedule)
		} else if !*record {
			t.Errorf("no design needs this (leave it out with -record):\n%s%s", p.title, p.program)
		}
	}
	if *record {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func parseKept(text string) (all []kept) {
	for block := range strings.SplitSeq(text, "\n\n") {
		title, rest, ok := strings.Cut(strings.TrimPrefix(block, "# "), "\n")
		if !ok {
			continue
		}
		program, schedule, _ := strings.Cut(rest, "execution: ")
		all = append(all, kept{title, program, schedule})
	}
	return all
}

// refind is the first of the programs that shows the failure, or -1.
func refind(t *testing.T, s *lifecycle.Subject, f probes.Failure, programs []kept) int {
	t.Helper()
	for _, try := range []func(*testing.T, *lifecycle.Subject, kept) bool{replays, found} {
		for i, p := range programs {
			if p.title == f.Title && try(t, s, p) {
				return i
			}
		}
	}
	return -1
}

func (p kept) run(t *testing.T, s *lifecycle.Subject) (sim.Program, sim.Schedule) {
	t.Helper()
	c, err := s.Language.Parse(p.program)
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := sim.ParseSchedule(p.schedule)
	if err != nil {
		t.Fatal(err)
	}
	return s.Run(&c.Program, vm.DefaultImage()), schedule
}

// replays says whether the failure comes under the schedule that is recorded.
func replays(t *testing.T, s *lifecycle.Subject, p kept) bool {
	t.Helper()
	program, schedule := p.run(t, s)
	m := sim.NewMachine()
	defer m.Close()
	replay := sim.NewReplay(schedule)
	for m.Run(program, replay).Learnt {
		replay.Restart()
	}
	replay.Restart()
	o := m.Record(program, replay)
	return o.Violation != nil && o.Violation.Title == p.title
}

// found says whether a search with few preemptions finds the failure.
func found(t *testing.T, s *lifecycle.Subject, p kept) bool {
	t.Helper()
	program, _ := p.run(t, s)
	r, err := explore.Run(context.Background(), program, explore.Options{
		Strategy: explore.Bounded, Preemptions: 2, Executions: 2000, MinimiseExecutions: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Findings {
		if x.Violation.Title == p.title {
			return true
		}
	}
	return false
}

// lookFor draws programs until one shows the failure.
func lookFor(t *testing.T, s *lifecycle.Subject, f probes.Failure) (p kept) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	counts, err := fuzz.Fuzz(ctx, s, fuzz.Options{Image: vm.DefaultImage(), Executions: recording, Found: func(x *fuzz.Failure) error {
		if x.Title == f.Title {
			p = kept{x.Title, x.Minimal.Program.String(), x.Minimal.Finding.Schedule.String()}
			cancel()
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if p.title == "" {
		t.Fatalf("not found in %d executions", counts.Executions)
	}
	return p
}
