package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// whole has the scripts explore the whole catalogue, as .ci/run does with the first
// command of the README: go test ./cmd/trapline -long
var whole = flag.Bool("long", false, "explore the whole catalogue in a script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trapline": main, killed: mainOfKilled})
}

// TestScripts runs the command as its users do, on the real catalogue.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setPrograms,
		RequireExplicitExec: true,
		Condition: func(name string) (bool, error) {
			if name != "long" {
				return false, fmt.Errorf("there is no condition %s", name)
			}
			return *whole, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"edit":   edit,
			"exits":  exits,
			"recipe": recipeCommand,
		},
	})
}

// setPrograms tells scripts where programs for trapline exec are.
func setPrograms(env *testscript.Env) error {
	dir, err := filepath.Abs("../../vm/linux/testdata/oracle")
	env.Setenv("PROGRAMS", dir)
	return err
}

// edit is "edit FILE OLD NEW": it replaces a text that must be in the file.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}

// exits is "exits CODE COMMAND...": it runs a command that must end with the
// status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// recipeCommand is "recipe FILE VARIABLE [OLD NEW]": it puts the first recipe
// printed in a file into a variable, with OLD replaced at its end.
func recipeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: recipe FILE VARIABLE [TAMPER]")
	}
	_, rest, ok := strings.Cut(ts.ReadFile(args[0]), "replay: trapline replay '")
	text, _, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 {
		ts.Fatalf("no recipe in %s", args[0])
	}
	if len(args) == 3 {
		b := []byte(text)
		at := map[string]int{"trace": len(b) - 16, "title": len(b) - 1}[args[2]]
		if b[at]++; b[at] == '9'+1 || b[at] == 'f'+1 {
			b[at] = '0'
		}
		text = string(b)
	}
	ts.Setenv(args[1], text)
}

// TestFindingsReplay runs what designs of each subsystem are known to fail again, from
// files. That every finding of the catalogue replays is tested with the catalogue.
func TestFindingsReplay(t *testing.T) {
	dir := t.TempDir()
	some := []string{"2006-readpage-hook", "2006-readpage-hook-wait", "2005-rcu", "2011-trylock", "ptype-before-multi"}
	if code, stdout, stderr := traplineWith(t.Context(), theCatalogue(), append([]string{"check", "--out", dir}, some...)...); code != exitViolation {
		t.Errorf("check: exit %d\n%s%s", code, stdout, stderr)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		code, stdout, stderr := traplineWith(t.Context(), theCatalogue(), "replay", file)
		if code != exitOK || !strings.HasSuffix(stdout, "\nreplay: same title, same trace hash\n") {
			t.Errorf("replay %s: exit %d\n%s%s", filepath.Base(file), code, stdout, stderr)
		}
	}
}

// TestExampleOfHelp holds the names in the help texts to the catalogue.
func TestExampleOfHelp(t *testing.T) {
	c := theCatalogue()
	a := &app{catalogue: c, stdout: &writer{w: &bytes.Buffer{}}, stderr: &writer{w: os.Stderr}}
	for _, cmd := range append(a.command().Commands(), a.command()) {
		if cmd.Name() == "exec" || cmd.Name() == "conform" {
			continue // they name files only
		}
		for word := range strings.FieldsSeq(cmd.Example) {
			word = strings.Trim(word, "'")
			word, _, _ = strings.Cut(word, ":")
			scenario, design, ok := strings.Cut(word, "/")
			if _, err := parseShard(word); err == nil {
				continue
			}
			if !ok || strings.HasPrefix(word, ".") || strings.HasSuffix(word, ".txtar") {
				continue
			}
			if err := c.check(scenario, design, true); err != nil {
				t.Errorf("%s --help: %v", cmd.Name(), err)
			}
		}
	}
}
