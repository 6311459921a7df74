package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestVersions(t *testing.T) {
	for text, want := range map[string]settings{
		"v1": {}, "v1+commute": {commute: true}, "v1+steps=20": {steps: 20}, "v1+commute+steps=7": {true, 7},
	} {
		got, err := parseVersion(text)
		if err != nil || got != want || got.version() != text {
			t.Errorf("%s: %+v, %v, printed as %s", text, got, err, got.version())
		}
	}
	for text, want := range map[string]string{
		"":                   "this trapline reads only v1",
		"v2":                 `version "v2", but this trapline reads only v1`,
		"v1+":                `version "v1+": want v1, v1+commute, v1+steps=N or v1+commute+steps=N`,
		"v1+fast":            "want v1, ",
		"v1+steps=0":         "want v1, ",
		"v1+steps=-1":        "want v1, ",
		"v1+steps=07":        "want v1, ",
		"v1+steps=7+commute": "want v1, ",
		"v1+commute+commute": "want v1, ",
	} {
		if _, err := parseVersion(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// What is asked for in the command line is what the search does, and every bound is in
// the answer.
func TestBoundsAreInTheAnswer(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"counters", exitOK, ": clean\ncomplete: every interleaving, 6 executions, 0 blocked"},
		{"counters --commute", exitOK, ": clean\ncomplete: every interleaving, 1 executions, 0 blocked"},
		{"counters --lock-aware", exitOK, ": clean\ncomplete: every interleaving, one order of critical sections that commute, 6 executions"},
		{"counters --steps 2", exitOK, ": clean\ncomplete up to 2 steps of each task: 6 executions"},
		{"counters --steps 1", exitOK, ": inconclusive\ncomplete up to 1 steps of each task: 0 executions, 0 blocked, 2 cut off, 4 steps; none came to its end\n"},
		{"counters --steps 1 --strategy states", exitOK, ": inconclusive\ncomplete: every state up to 1 steps of each task, "},
		{"counters --delays 1", exitOK, ": clean\ncomplete up to 1 delays: "},
		{"counters --delays 1 --steps 1", exitOK, ": inconclusive\ncomplete up to 1 delays and 1 steps of each task: "},
		{"counters --preemptions 1 --steps 1", exitOK, ": inconclusive\ncomplete up to 1 preemptions and 1 steps of each task: "},
		{"counters --preemptions 1 --budget 2", exitOK, ": inconclusive\nincomplete within 1 preemptions (stopped after 2 executions): "},
		{"counters --seed 1 --budget 5 --steps 1", exitOK, ": inconclusive\nrandom sample, seed 1 (stopped after 5 executions) up to 1 steps of each task: "},
		{"counters --budget 1ns", exitOK, ": inconclusive\nincomplete (stopped after 1ns): "},
		{"counters --shard 1/2 --steps 2", exitOK, ": inconclusive\ncomplete up to 2 steps of each task, but only a part: "},
		{"counters --shard 2/2 --commute", exitOK, "complete, but only a part: 1 executions"},
		{"forever --steps 3", exitViolation, "complete up to 3 steps of each task: "},
		{"forever --steps 2", exitOK, ": inconclusive\ncomplete up to 2 steps of each task: "},
		// The tree of six tasks that write three times is known without a visit.
		{"writers --budget 300", exitOK, ": inconclusive\nincomplete (stopped after 300 executions): 300 executions of about "},
		// Others go by what they have seen.
		{"writers --budget 300 --strategy states", exitOK, " executions, 285 merged (300 of about "},
		{"writers --budget 300 --model tso", exitOK, " blocked (299 of about "},
		{"writers --budget 300 --preemptions 4", exitOK, "(300 of about "},
		{"writers --budget 300 --lock-aware", exitOK, ": inconclusive\nincomplete (stopped after 300 executions): 300 executions of about "},
	} {
		name, args, _ := strings.Cut(c.args, " ")
		code, stdout, stderr := traplineWith(context.Background(), programsByName[name](), append([]string{"check", thePair}, strings.Fields(args)...)...)
		if code != c.code || !strings.Contains(stdout, c.want) || stderr != "" {
			t.Errorf("check %s: exit %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
}

var programsByName = map[string]func() *catalogue{
	"counters": func() *catalogue { return programCatalogue(counters(2, 2)) },
	"writers":  func() *catalogue { return programCatalogue(writers(6, 3)) },
	"forever":  func() *catalogue { return programCatalogue(forever) },
}

// The table and JSON say it, too.
func TestBoundsAreInTheTableAndInJSON(t *testing.T) {
	c := programsByName["counters"]()
	for args, want := range map[string]string{
		"--delays 2":                  "all with at most 2 delays\n",
		"--delays 2 --steps 1":        "all with at most 2 delays, up to 1 step of each task, 3 cut off\n",
		"--preemptions 1":             "all with at most 1 preemption\n",
		"--lock-aware":                "every interleaving, but for sections that commute\n",
		"--strategy states":           "every state\n",
		"--seed 3 --budget 4":         "a sample, seed 3\n",
		"--budget 3":                  "incomplete: stopped after 3 executions (of about 6 ± 0 executions)\n",
		"--strategy dpor --steps 2":   "every interleaving, up to 2 steps of each task\n",
		"--strategy dpor --steps 1":   "every interleaving, up to 1 step of each task, 2 cut off\n",
		"--strategy states --steps 1": "every state, up to 1 step of each task, ",
	} {
		_, stdout, _ := traplineWith(context.Background(), c, append([]string{"check"}, strings.Fields(args)...)...)
		if !strings.Contains(stdout, want) {
			t.Errorf("%s: no %q in\n%s", args, want, stdout)
		}
	}
	_, stdout, _ := traplineWith(context.Background(), c, "check", "--json", "--budget", "3")
	if want := `stopped after 3 executions): 3 executions of about 6 ± 0, `; !strings.Contains(stdout, want) || !strings.Contains(stdout, `,"estimate":{"executions":6,"error":0,"made":3}}`) {
		t.Errorf("no %q, or no estimate, in\n%s", want, stdout)
	}
	_, stdout, _ = traplineWith(context.Background(), programCatalogue(writers(6, 3)), "check", "--json", "--preemptions", "4", "--budget", "300")
	if !regexp.MustCompile(`,"estimate":{"executions":[0-9]+,"error":[0-9]+,"made":300,"within":"0 preemptions"}}`).MatchString(stdout) {
		t.Errorf("it does not say within which bound: %s", stdout)
	}
	_, stdout, _ = traplineWith(context.Background(), programCatalogue(writers(6, 3)), "check", "--preemptions", "4", "--budget", "300")
	if !strings.Contains(stdout, " executions within 0 preemptions)") {
		t.Errorf("it does not say within which bound: %s", stdout)
	}
	if _, stdout, _ := traplineWith(context.Background(), c, "check", "--json"); strings.Contains(stdout, "estimate") {
		t.Errorf("an estimate of what is known: %s", stdout)
	}
}

// What was found under other settings is replayed under them: from the string, and from
// the file. It is not without.
func TestSettingsAreReplayed(t *testing.T) {
	for _, args := range []string{"--steps 3", "--steps 4 --commute", "--steps 7 --seed 2 --budget 300"} {
		dir := t.TempDir()
		c := programsByName["forever"]()
		code, stdout, stderr := traplineWith(context.Background(), c, append([]string{"check", thePair, "--out", dir}, strings.Fields(args)...)...)
		recipe := regexp.MustCompile(`(?m)^replay: trapline replay '(.*)'$`).FindStringSubmatch(stdout)
		if code != exitViolation || recipe == nil {
			t.Fatalf("%s: exit %d\n%s%s", args, code, stdout, stderr)
		}
		r, err := parseRecipe(recipe[1])
		if err != nil || !strings.Contains(recipe[1], ":v1+") {
			t.Fatalf("%s: %s, %v", args, recipe[1], err)
		}
		file := filepath.Join(dir, "scenario.the-program.1.txtar")
		for _, arg := range []string{recipe[1], file} {
			if code, stdout, stderr := traplineWith(context.Background(), c, "replay", arg); code != exitOK || !strings.HasSuffix(stdout, "\nreplay: same title, same trace hash\n") {
				t.Errorf("%s: replay %s: exit %d\n%s%s", args, arg, code, stdout, stderr)
			}
		}
		text, err := os.ReadFile(file)
		if want := "-- schedule --\n" + r.settings.version() + ":" + r.schedule.String() + "\n"; err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, no %q in\n%s", args, err, want, text)
		}
		code, _, stderr = traplineWith(context.Background(), c, "run", thePair, "--schedule", r.settings.version()+":"+r.schedule.String())
		if code != exitViolation || !strings.Contains(stderr, "replay: trapline replay '"+recipe[1]+"'\n") {
			t.Errorf("%s: run: exit %d, %s", args, code, stderr)
		}
	}
	code, _, stderr := traplineWith(context.Background(), programsByName["forever"](), "run", thePair, "--schedule", "v1+steps=2:-")
	if code != exitOK || stderr != "trapline: run: tasks were stopped after 2 steps each\n" {
		t.Errorf("run to the bound: exit %d, %s", code, stderr)
	}
	code, _, stderr = traplineWith(context.Background(), programsByName["forever"](), "run", thePair, "--schedule", "v1+steps=x:-")
	if code != exitMistake || !strings.Contains(stderr, `version "v1+steps=x": want v1`) {
		t.Errorf("nonsense: exit %d, %s", code, stderr)
	}
}

// Under another bound than it was found with, a schedule is another execution.
func TestAScheduleNeedsItsSettings(t *testing.T) {
	c := programsByName["forever"]()
	_, stdout, _ := traplineWith(context.Background(), c, "check", thePair, "--steps", "4")
	recipe := regexp.MustCompile(`(?m)^replay: trapline replay '(.*)'$`).FindStringSubmatch(stdout)[1]
	if !strings.Contains(recipe, ":v1+steps=4:") {
		t.Fatal(recipe)
	}
	other := strings.Replace(recipe, ":v1+steps=4:", ":v1+steps=2:", 1)
	if code, _, stderr := traplineWith(context.Background(), c, "replay", other); code != exitDiverged {
		t.Errorf("%s: exit %d, %s", other, code, stderr)
	}
}

// Parts and checkpoints carry the settings.
func TestSettingsOfPartsAndCheckpoints(t *testing.T) {
	for _, c := range []struct{ program, flags string }{
		{"counters", "--commute"},
		{"counters", "--steps 1"},
		{"counters", "--steps 2 --commute"},
		{"forever", "--steps 3"},
		{"forever", "--steps 2"},
		{"forever", "--steps 3 --seed 1 --budget 40"},
	} {
		flags := strings.Fields(c.flags)
		run := func(args ...string) (int, string, string) {
			return traplineWith(context.Background(), programsByName[c.program](), args...)
		}

		wantCode, want, _ := run(append([]string{"check"}, flags...)...)
		merge := []string{"merge"}
		for _, part := range []string{"1/3", "2/3", "3/3"} {
			_, stdout, stderr := run(append([]string{"check", "--json", "--shard", part}, flags...)...)
			file := filepath.Join(t.TempDir(), "part")
			if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil || stderr != "" {
				t.Fatal(err, stderr)
			}
			merge = append(merge, file)
		}
		if code, got, stderr := run(merge...); code != wantCode || vain.ReplaceAllString(got, "") != vain.ReplaceAllString(want, "") {
			t.Errorf("%v: merged: exit %d, %s\n%s\nwant %d\n%s", c, code, stderr, got, wantCode, want)
		}

		wantCode, want, _ = run(append([]string{"check", thePair}, flags...)...)
		file := filepath.Join(t.TempDir(), "search")
		sample := strings.Contains(c.flags, "--budget")
		if !sample {
			flags = append(flags, "--budget", "1")
		}
		run(append([]string{"check", thePair, "--checkpoint", file}, flags...)...)
		resume := []string{"check", "--resume", file}
		if sample { // which is never done
			resume = append(resume, "--budget", "40")
		}
		if code, got, stderr := run(resume...); code != wantCode || got != want {
			t.Errorf("%v: resumed: exit %d, %s\n%s\nwant %d\n%s", c, code, stderr, got, wantCode, want)
		}
	}
}

func TestSettingsMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"check --steps -1", `--steps -1: want 1 or more, or 0 for no bound`},
		{"check --lock-aware --preemptions 1", `--lock-aware is for --strategy dpor, not bounded (give only one of them)`},
		{"check --lock-aware --model tso", `--lock-aware: only under --model sc (leave one of them out)`},
		{"check --strategy states --model lkmm --shard 1/2", `--strategy states: only under --model sc (dpor and the samples know the others)`},
		{"check --resume f --steps 2", `--steps and --resume: the file says which search it is (leave --steps out)`},
		{"check --resume f --commute", `--commute and --resume: the file says which search it is (leave --commute out)`},
		{"check --checkpoint-every 0s", `--checkpoint-every 0s: want a time above 0 (as in 5s)`},
		{"check --resume f --delays 2", `--delays and --resume: the file says which search it is (leave --delays out)`},
		{"replay a/b:v1+fast:-:4ef7f9cca2db14d2", `replay: recipe "a/b:v1+fast:-:4ef7f9cca2db14d2": version "v1+fast": want v1, v1+commute, v1+steps=N or v1+commute+steps=N (copy the whole line after replay:)`},
	} {
		code, _, stderr := trapline(t, strings.Fields(c.args)...)
		if want := "trapline: " + c.want + "\n"; code != exitMistake || stderr != want {
			t.Errorf("trapline %s: exit %d\n got %s\nwant %s", c.args, code, stderr, want)
		}
	}
}
