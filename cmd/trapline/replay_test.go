package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplay(t *testing.T) {
	r := lostWakeup(t)
	other := func(change func(r *recipe)) string {
		tampered := r
		change(&tampered)
		return tampered.String()
	}
	hash := func(text string) string { return strings.Replace(r.String(), r.print.String(), text, 1) }
	for _, c := range []struct {
		name, text string
		code       int
		want       string // the end of stdout, or of stderr
	}{
		{"the same", r.String(), exitOK, "\nreplay: same title, same trace hash\n"},
		{"another trace", other(func(r *recipe) { r.print.trace++ }), exitDiverged, "other trace hash: got "},
		{"another title", other(func(r *recipe) { r.print.title++ }), exitDiverged,
			`other title: got "INFO: task hung in fake_wait", expected another one (if it was found with --elf and --symbol, give them again; otherwise the model has changed since)` + "\n"},
		{"nonsense", hash("0000000000000000"), exitDiverged, "other title: "},
		{"a good design", other(func(r *recipe) { r.design = "2001-careful" }), exitDiverged, "no rule was broken; expected a violation ("},
		{"a task that is not there", strings.Replace(r.String(), "waker@1", "walker@1", 1), exitDiverged,
			"the schedule cannot be followed: walker cannot take step 1 ("},
		{"a step that is not there", strings.Replace(r.String(), "waker@1", "waker@99", 1), exitDiverged,
			"the schedule cannot be followed: the execution ended before step 99, where the schedule names waker ("},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := trapline(t, "replay", c.text)
			if code != c.code || !strings.Contains(stdout+stderr, c.want) || !strings.Contains(stdout, "step  ") {
				t.Errorf("exit %d, want %d and %q\n%s%s", code, c.code, c.want, stdout, stderr)
			}
			if code == exitDiverged && !strings.HasPrefix(stderr, "trapline: replay diverged: ") {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

func TestReplayFile(t *testing.T) {
	r := lostWakeup(t)
	whole := recipeFile{
		recipe: r, model: "sc", program: program{"victim", "main", 0x1000, true},
		title: "INFO: task hung in fake_wait", steps: 4, preemptions: 1, trace: "nobody looks at this\n",
	}
	for _, c := range []struct {
		name   string
		change func(f *recipeFile)
		args   []string
		code   int
		want   string
	}{
		{"as written", func(*recipeFile) {}, nil, exitOK, "\nreplay: same title, same trace hash\n"},
		{"another program", func(f *recipeFile) { f.program = program{elf: "prog", symbol: "main", offset: 0x40} }, nil, exitOK, "same trace hash\n"},
		{"a program that is gone", func(f *recipeFile) { f.program.elf = "missing" }, nil, exitMistake, "trapline: elf missing: no such file\n"},
		{"and one in its place", func(f *recipeFile) { f.program.elf = "missing" }, []string{"--elf", "prog", "--symbol", "main"}, exitOK, "same trace hash\n"},
		{"a program that has changed", func(f *recipeFile) {
			f.program, f.print.trace = program{elf: "prog", symbol: "main", offset: 0x50}, 1
		}, nil, exitDiverged, "(main is at offset 0x40, but was at 0x50: the program has changed)\n"},
		{"another model", func(f *recipeFile) { f.model = "pso" }, nil, exitMistake, `trapline: replay: no memory model "pso" (did you mean "tso"? there are sc, tso, lkmm)` + "\n"},
		{"another title", func(f *recipeFile) { f.title, f.print = "BUG", fingerprintOf(0, "BUG") }, nil, exitDiverged,
			`other title: got "INFO: task hung in fake_wait", expected "BUG" (the model has changed since, or the program)` + "\n"},
		{"another design", func(f *recipeFile) { f.design = "2001-careful" }, nil, exitDiverged, `no rule was broken; expected "INFO: task hung in fake_wait" (`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := whole
			c.change(&f)
			path := filepath.Join(t.TempDir(), "recipe.txtar")
			if err := os.WriteFile(path, f.format(), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := trapline(t, append([]string{"replay", path}, c.args...)...)
			if code != c.code || !strings.Contains(stdout+stderr, c.want) {
				t.Errorf("exit %d, want %d and %q\n%s%s", code, c.code, c.want, stdout, stderr)
			}
		})
	}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"lost-wakeup/2003-liar", exitOK, "\n         sleeper-101     [000] .....     0.000000: READ_ONCE: flag = false\n", ""},
		{"lost-wakeup/2003-liar --format lanes", exitOK, "step  sleeper                  waker\n   0  READ_ONCE(flag) = false\n", ""},
		{"lost-wakeup/2003-liar --schedule waker@1", exitViolation, "#P:2\n", "\nreplay: trapline replay 'lost-wakeup/2003-liar:v1:waker@1:"},
		{"lost-wakeup/2003-liar --schedule v1:waker@1 --elf prog --symbol main", exitViolation, ": preempted: by waker\n", "\nreplay: trapline replay --elf 'prog' --symbol 'main' 'lost-wakeup/"},
	} {
		code, stdout, stderr := trapline(t, append([]string{"run"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(stdout, c.out) || !strings.Contains(stderr, c.error) || (c.error == "") != (stderr == "") {
			t.Errorf("run %s: exit %d\n%s%s", c.args, code, stdout, stderr)
		}
	}
}

// TestRunDrawsFromTheSeed also sees that the same seed gives the same run.
func TestRunDrawsFromTheSeed(t *testing.T) {
	different := map[string]bool{}
	for _, seed := range []string{"0", "1", "2", "3", "4", "5", "6", "7"} {
		_, first, _ := trapline(t, "run", "lost-wakeup/2001-careful", "--seed", seed)
		_, again, _ := trapline(t, "run", "lost-wakeup/2001-careful", "--seed", seed)
		if first != again {
			t.Errorf("seed %s: first\n%s\nthen\n%s", seed, first, again)
		}
		different[first] = true
	}
	if len(different) < 2 {
		t.Error("every seed gives the same execution")
	}
}
