package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trapline/sim"
)

// long has two tasks that take turns at a word for some thousand steps, and then
// break a rule. With more says the model has changed: it has a step more in one of
// them, far from the beginning.
func long(times int, more bool) sim.Program {
	return func(m *sim.Machine) {
		var x sim.Word[int]
		x.Init(m.Setup(), "x", 0)
		for i, name := range []string{"one", "two"} {
			m.Go(name, func(k *sim.K) {
				for n := range times {
					x.Write(k, 2*n+i)
					if more && i == 0 && n == times/2 {
						x.Read(k)
					}
				}
				longEnd(k, &x, i)
			})
		}
	}
}

func longEnd(k *sim.K, x *sim.Word[int], i int) {
	if x.Read(k) >= 0 && i == 1 {
		k.Fail(&sim.Violation{Kind: sim.Kind{Name: "long", Class: "long"}, Subject: "x"})
	}
}

// Schedules of more than 10,000 steps are followed: with thousands of turns, and with
// one that is far from the beginning; from a string, and from a file.
func TestReplayOfALongSchedule(t *testing.T) {
	const times = 6000
	c := programCatalogue(long(times, false))
	run := func(args ...string) (int, string, string) {
		return traplineWith(context.Background(), c, args...)
	}
	line := regexp.MustCompile(`(?m)^replay: trapline replay '(.*)'$`)
	for _, test := range []struct {
		name   string
		args   []string
		turns  int // at least
		failed string
	}{
		{"drawn", []string{"--seed", "5"}, 4000, "the schedule cannot be followed: "},
		{"one turn", []string{"--schedule", "two@5500,one@11400"}, 2, "other trace hash: got "},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, _, stderr := run(append([]string{"run", thePair, "--format", "lanes"}, test.args...)...)
			found := line.FindStringSubmatch(stderr)
			if code != exitViolation || found == nil {
				t.Fatalf("exit %d, %s", code, shorten(stderr))
			}
			r, err := parseRecipe(found[1])
			if err != nil || len(r.schedule) < test.turns {
				t.Fatalf("%d turns, want %d: %v", len(r.schedule), test.turns, err)
			}
			e := record(long(times, false), sim.NewReplay(r.schedule), r.settings)
			if e.Steps < 10_000 {
				t.Fatalf("%d steps", e.Steps)
			}
			file := filepath.Join(t.TempDir(), "long.txtar")
			f := &recipeFile{
				recipe: r, model: modelSC, program: program{"victim", "main", 0x1000, true}, title: e.Violation.Title,
				steps: e.Steps, preemptions: e.Preemptions, trace: "none\n",
			}
			if err := os.WriteFile(file, f.format(), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, arg := range []string{r.String(), file} {
				code, stdout, stderr := run("replay", arg)
				if code != exitOK || !strings.HasSuffix(stdout, "\nreplay: same title, same trace hash\n") {
					t.Errorf("replay %s: exit %d, %s", shorten(arg), code, shorten(stderr))
				}
				if n := strings.Count(stdout, "WRITE_ONCE(x)"); n < 10_000 {
					t.Errorf("replay %s: %d writes are shown", shorten(arg), n)
				}
				for name, change := range map[string]struct {
					program sim.Program
					want    string
				}{
					"a step more":    {long(times, true), "trapline: replay diverged: "},
					"shorter":        {long(times/2, false), "trapline: replay diverged: the schedule cannot be followed: "},
					"nothing broken": {long(0, false), "trapline: replay diverged: the schedule cannot be followed: "},
				} {
					code, stdout, stderr := traplineWith(context.Background(), programCatalogue(change.program), "replay", arg)
					if code != exitDiverged || !strings.HasPrefix(stderr, change.want) || strings.Contains(stdout, "replay: same") {
						t.Errorf("%s: replay %s: exit %d, %s", name, shorten(arg), code, stderr)
					}
				}
			}
		})
	}
}

// What a search finds so far out is written to a file that replays.
func TestSearchOfALongProgram(t *testing.T) {
	c := programCatalogue(long(5500, false))
	dir := t.TempDir()
	code, stdout, stderr := traplineWith(context.Background(), c, "check", thePair, "--seed", "1", "--budget", "1", "--out", dir)
	if code != exitViolation {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	steps := regexp.MustCompile(`and (\d+) steps, replayed: same title, same trace hash`).FindStringSubmatch(stdout)
	var n int
	if steps != nil {
		_, _ = fmt.Sscan(steps[1], &n)
	}
	if n < 5500 {
		t.Errorf("it takes %d steps", n)
	}
	code, stdout, stderr = traplineWith(context.Background(), c, "replay", filepath.Join(dir, "scenario.the-program.1.txtar"))
	if code != exitOK || !strings.HasSuffix(stdout, "\nreplay: same title, same trace hash\n") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
